"""Carries a schedule of strikes out on the processes of a running `packshot up`."""

import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event

import psutil

from chaos.schedule import Strike, Target
from installation import Up
from packshot.embedded.layout import Layout

# A process that has just died comes back within its supervisor's pause, at most 10 s, and a start.
ALIVE_WITHIN_S = 30.0
LOOK_EVERY_S = 0.02
RENDERER = "packshot.render.child"


@dataclass(slots=True)
class Nemesis:
    """Strikes; ``struck`` is what was really done and when, ``missed`` what found nobody alive."""

    up: Up
    struck: list[Strike] = field(default_factory=list)
    missed: list[Strike] = field(default_factory=list)

    def run(self, strikes: Sequence[Strike], *, stop: Event) -> None:
        """Carry the strikes out, each at its time or as soon as its target lives."""
        began_s = time.monotonic()
        for strike in strikes:
            if stop.wait(max(0.0, strike.at_s - (time.monotonic() - began_s))):
                return
            self.strike(strike)

    def strike(self, strike: Strike) -> None:
        """Carry one strike out, when its target lives."""
        target = self.living(strike.target)
        if target is None:
            self.missed.append(strike)
            return
        if strike.action == "freeze":
            with frozen(target):
                time.sleep(strike.for_s)
        else:
            if strike.action == "wipe":
                self._wipe_valkey()
            with suppress(psutil.NoSuchProcess):
                target.kill()
                target.wait(10)
        self.struck.append(strike)

    def living(self, target: Target) -> psutil.Process | None:
        """The process, waited for while it starts; None when it does not come."""
        until_s = time.monotonic() + ALIVE_WITHIN_S
        while time.monotonic() < until_s:
            found = self.find(target)
            if found is not None:
                return found
            time.sleep(LOOK_EVERY_S)
        return None

    def find(self, target: Target) -> psutil.Process | None:
        """The process as it is among the children of `up` now; a number of its own is no proof."""
        owner, _, part = target.partition("'s ")
        for child in psutil.Process(self.up.process.pid).children():
            if name_of(child) != owner:
                continue
            if not part:
                return child
            with suppress(psutil.Error):
                for grandchild in child.children():
                    if RENDERER in grandchild.cmdline():
                        return grandchild
        return None

    def _wipe_valkey(self) -> None:
        """Remove its files while it still runs: a restart that is quick must find nothing."""
        for path in Layout.of(self.up.data).valkey.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def name_of(process: psutil.Process) -> str | None:
    """What the supervisor calls this child; None for one that is gone or not one of its own."""
    with suppress(psutil.Error):
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        words = process.cmdline()
        if not words:
            return None
        # Valkey writes its socket's path behind its own, into one word.
        program = words[0].split(" unixsocket:")[0].rpartition("/")[2]
        if program == "postgres" and "-D" in words:
            return "postgres"
        if program.startswith("valkey-server"):
            return "valkey"
        if "packshot" in words[:-1] and "-m" in words:
            return words[words.index("packshot") + 1]
    return None


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """Stop a process and those it started, except renderers, for the length of a block."""
    stopped = []
    try:
        process.send_signal(signal.SIGSTOP)  # first, so that it starts no others
        stopped.append(process)
        for child in process.children(recursive=True):
            if RENDERER not in child.cmdline():
                child.send_signal(signal.SIGSTOP)
                stopped.append(child)
        yield
    finally:
        for each in stopped:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGCONT)
