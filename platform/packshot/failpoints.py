"""Named places where a process can be made to die, so that tests can kill it exactly there.

``FAILPOINTS="worker.after_claim:kill@2,relay.after_send:raise"`` in the environment: the second
time this process passes ``worker.after_claim`` it is gone as by ``kill -9``, and the first time it
passes ``relay.after_send`` it raises. Without the variable a failpoint is one look into an empty
dictionary.

``FAILPOINTS_ONCE`` names a folder in which each failpoint leaves a file of its name before it acts:
where the file is already, it does nothing. So a process that is started again with the same
environment is not killed again.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


class FailpointReached(Exception):
    """A failpoint was told to raise."""


@dataclass(slots=True)
class _Armed:
    action: str
    passes_left: int


def _armed(text: str) -> dict[str, _Armed]:
    armed = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, order = entry.partition(":")
        action, _, count = order.partition("@")
        if action not in {"kill", "raise"} or not (count or "1").isdigit():
            raise ValueError(f"FAILPOINTS: not NAME:kill@N or NAME:raise@N: {entry!r}")
        armed[name] = _Armed(action, int(count or 1))
    return armed


_ARMED = _armed(os.environ.get("FAILPOINTS", ""))


def failpoint(name: str) -> None:
    """Do what the environment ordered for this place, on the pass it ordered it for."""
    armed = _ARMED.get(name)
    if armed is None:
        return
    armed.passes_left -= 1
    if armed.passes_left == 0 and _is_first(name):
        if armed.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise FailpointReached(name)


def _is_first(name: str) -> bool:
    """Whether no process has acted at this place before, where that is asked for."""
    folder = os.environ.get("FAILPOINTS_ONCE")
    if not folder:
        return True
    try:
        Path(folder, name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
