"""The other processes of an installation, beside the API of the tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Thread

from api.server import ROOT, WITHIN_S, Log, environment_of
from packshot.config import Settings

RUN = """
import os, sys
from importlib import import_module
from packshot.config import Settings
name = sys.argv[1]
run = {"worker": "work", "relay": "relay", "projector": "run_projector"}[name]
getattr(import_module("packshot." + name), run)(Settings.read(os.environ))
"""


@contextmanager
def running_process(name: str, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run the worker, the relay or the projector until the block ends."""
    environ = os.environ | environment_of(settings)
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, name],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    log = Log()
    follower = Thread(target=log.follow, args=(process.stdout,), daemon=True)
    follower.start()
    try:
        log.wait_for(event=f"{name}_started")
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(WITHIN_S)
        follower.join(WITHIN_S)
        process.stdout.close()


@contextmanager
def running_processes(names: Sequence[str], settings: Settings) -> Iterator[None]:
    """Run several of them."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(running_process(name, settings))
        yield
