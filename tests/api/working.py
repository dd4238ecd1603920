"""The other processes of an installation, beside the API of the tests."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from api.server import ROOT, environment_of, followed
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
    with followed([sys.executable, "-c", RUN, name], environ) as (process, log):
        log.wait_for(event=f"{name}_started")
        yield process


@contextmanager
def running_processes(names: Sequence[str], settings: Settings) -> Iterator[None]:
    """Run several of them."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(running_process(name, settings))
        yield
