"""The processes started one by one, on a Postgres that is not ours to rule."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
import pytest
import requests

from api.photos import red_box
from api.server import WITHIN_S, Log
from installation import PACKSHOT, free_port
from packshot.config import Settings
from packshot.wiring import open_services
from services import Database, RunningServices

LOGIN = "packshot_test_customer"
EVENTS = {"api": "api_started", "worker": "worker_started", "relay": "relay_started",
          "projector": "projector_started"}  # fmt: skip


@pytest.fixture
async def customers_database(servers: RunningServices, database: Database) -> AsyncIterator[str]:
    """An empty database whose owner is no superuser, but may grant the product's roles.

    ``database`` has made those roles: they belong to the whole server.
    """
    async with servers.empty_database() as empty:
        admin = await asyncpg.connect(servers.admin_url)
        await admin.execute(f"CREATE ROLE {LOGIN} LOGIN CREATEROLE")
        await admin.execute(f"ALTER DATABASE {empty.name} OWNER TO {LOGIN}")
        for role in ("app", "writer", "lookup", "projector"):
            await admin.execute(f"GRANT packshot_{role} TO {LOGIN} WITH ADMIN OPTION, SET TRUE")
        parts = urlsplit(empty.owner_url)
        query = dict(parse_qsl(parts.query)) | {"user": LOGIN}
        yield parts._replace(query=urlencode(query)).geturl()
        await admin.execute(f"ALTER DATABASE {empty.name} OWNER TO CURRENT_USER")
    await admin.execute(f"DROP OWNED BY {LOGIN} CASCADE")
    await admin.execute(f"DROP ROLE {LOGIN}")
    await admin.close()


@contextmanager
def started(name: str, environ: dict[str, str], *options: str) -> Iterator[None]:
    """Run one process as an operator would, until the block ends."""
    process = subprocess.Popen(
        [*PACKSHOT, name, *options],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    log = Log()
    follower = Thread(target=log.follow, args=(process.stdout,), daemon=True)
    follower.start()
    try:
        log.wait_for(event=EVENTS[name])
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
        follower.join(WITHIN_S)
        process.stdout.close()


async def test_the_processes_started_apart_do_a_job(
    servers: RunningServices, customers_database: str, secrets_dir: Path, tmp_path: Path
) -> None:
    environ = os.environ | {
        "PACKSHOT_OWNER_DATABASE_URL": customers_database,
        "PACKSHOT_DATABASE_URL": customers_database,
        "PACKSHOT_REDIS_URL": servers.redis_url,
        "PACKSHOT_STORAGE_DIR": str(tmp_path / "storage"),
        "PACKSHOT_SECRETS_DIR": str(secrets_dir),
        "PACKSHOT_RENDER_CHILDREN": "1",
    }
    port = free_port()

    migrated = await asyncio.to_thread(
        subprocess.run, [*PACKSHOT, "migrate"], env=environ, capture_output=True, text=True
    )
    assert migrated.returncode == 0, migrated.stderr
    async with open_services(Settings.read(environ), render=False) as services:
        acme = await services.organizations.create("Acme", actor_id="test")

    def journey() -> tuple[str, list[str]]:
        with ExitStack() as stack:
            stack.enter_context(started("api", environ, "--port", str(port)))
            for name in ("worker", "relay", "projector"):
                stack.enter_context(started(name, environ))
            url, key = f"http://127.0.0.1:{port}/api/v1", {"x-api-key": acme.secret}
            asked = requests.post(
                f"{url}/jobs", headers=key, files={"image": red_box()}, timeout=WITHIN_S
            )
            job = requests.get(
                f"{url}/jobs/{asked.json()['jobId']}?wait=20", headers=key, timeout=WITHIN_S + 20
            )
            feed = requests.get(
                f"{url}/activity", headers=key | {"x-min-position": "6"}, timeout=WITHIN_S
            )
            return job.json()["status"], [event["type"] for event in feed.json()["data"]]

    status, feed = await asyncio.to_thread(journey)

    assert status == "succeeded"
    assert feed[:4] == ["job.succeeded", "job.started", "job.queued", "job.requested"]
