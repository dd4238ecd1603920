"""The API as a process of its own on a real socket."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any

from packshot.config import Settings

ROOT = Path(__file__).parents[2]
RUN = """
import os, sys
from dataclasses import replace
from packshot.config import Settings
from packshot.serve import serve
settings = replace(Settings.read(os.environ), limiter_answer_within_s=float(sys.argv[2]))
serve(settings, port=int(sys.argv[1]))
"""
WITHIN_S = 90.0  # only what never comes is waited for so long, on a busy machine too


@dataclass(slots=True)
class Log:
    """The lines a process writes to its standard output, as they come."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    _changed: Condition = field(default_factory=Condition)
    is_closed: bool = False

    def follow(self, output: IO[bytes]) -> None:
        for line in output:
            with self._changed:
                self.raw.append(line)
                if line.startswith(b"{"):
                    self.lines.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    def wait_for(self, **members: Any) -> dict[str, Any]:
        """The first line with these members; raises when none comes."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines if members.items() <= line.items()]

        with self._changed:
            self._changed.wait_for(lambda: found() or self.is_closed, WITHIN_S)
            if not found():
                tail = b"".join(self.raw[-20:]).decode(errors="replace")
                raise AssertionError(f"no log line with {members}:\n{tail}")
            return found()[0]


@dataclass(slots=True)
class RunningApi:
    """A running API process."""

    process: subprocess.Popen[bytes]
    port: int
    settings: Settings
    log: Log

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running_api(
    settings: Settings, *, port: int = 0, environ: Mapping[str, str] | None = None
) -> Iterator[RunningApi]:
    """Run the API in a process until the block ends; ``environ`` is told to it besides."""
    environ = os.environ | environment_of(settings) | dict(environ or {})
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    command = [sys.executable, "-c", RUN, str(port), str(settings.limiter_answer_within_s)]
    with followed(command, environ) as (process, log):
        started = log.wait_for(event="api_started")
        yield RunningApi(process, started["port"], settings, log)


@contextmanager
def followed(
    command: Sequence[str], environ: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Log]]:
    """Run a process whose log is read as it comes, and end it with SIGTERM after the block."""
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    log = Log()
    follower = Thread(target=log.follow, args=(process.stdout,), daemon=True)
    follower.start()
    try:
        yield process, log
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(WITHIN_S)
        follower.join(WITHIN_S)
        process.stdout.close()


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "PACKSHOT_DATABASE_URL": settings.database_url,
        "PACKSHOT_WRITER_DATABASE_URL": settings.writer_database_url,
        "PACKSHOT_PROJECTOR_DATABASE_URL": settings.projector_database_url,
        "PACKSHOT_REDIS_URL": settings.redis_url,
        "PACKSHOT_STORAGE_DIR": str(settings.storage_dir),
        "PACKSHOT_SECRETS_DIR": str(settings.secrets_dir),
        "PACKSHOT_RENDER_CHILDREN": str(settings.render_children),
        "PACKSHOT_JOB_LEASE_SECONDS": str(settings.job_lease_s),
        "PACKSHOT_ALLOWED_PRIVATE_CIDRS": settings.allowed_private,
        "PACKSHOT_PUBLIC_URL": settings.public_url,
        "PACKSHOT_SMTP_URL": settings.smtp_url or "",
        "PACKSHOT_SMTP_FROM": settings.smtp_from,
        "PACKSHOT_OIDC_ISSUER": settings.oidc_issuer or "",
        "PACKSHOT_OIDC_CLIENT_ID": settings.oidc_client_id,
        "PACKSHOT_OIDC_CLIENT_SECRET": settings.oidc_client_secret,
        "PACKSHOT_OIDC_NAME": settings.oidc_name,
        "PACKSHOT_MOST_IN_FLIGHT": str(settings.most_in_flight),
        "PACKSHOT_MOST_QUEUE_SECONDS": str(settings.most_queue_s),
        "PACKSHOT_PUBLIC_API": "on" if settings.public_api else "off",
        "PACKSHOT_TRUSTED_PROXIES": ",".join(map(str, settings.trusted_proxies)),
        "PACKSHOT_FORWARDED_HEADER": settings.forwarded_header,
    }
