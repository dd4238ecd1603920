"""The projector as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from api.server import ROOT, WITHIN_S, Log, environment_of
from packshot.config import Settings

RUN = """
import os
from packshot.config import Settings
from packshot.projector import run_projector
run_projector(Settings.read(os.environ))
"""


@dataclass(slots=True)
class RunningProjector:
    """A running projector process."""

    process: subprocess.Popen[bytes]
    log: Log

    def ended(self) -> int:
        """Wait for the end of the process and return its exit code."""
        return self.process.wait(WITHIN_S)


@contextmanager
def running_projector(settings: Settings, *, failpoints: str = "") -> Iterator[RunningProjector]:
    """Run a projector until the block ends; ``failpoints`` are what it dies of."""
    environ = os.environ | environment_of(settings) | {"FAILPOINTS": failpoints}
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    log = Log()
    follower = Thread(target=log.follow, args=(process.stdout,), daemon=True)
    follower.start()
    try:
        log.wait_for(event="projector_started")
        yield RunningProjector(process, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(WITHIN_S)
        follower.join(WITHIN_S)
        process.stdout.close()
