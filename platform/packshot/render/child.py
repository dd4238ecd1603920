"""A render child: one request a line in, one answer a line out, until its input ends.

It runs with no secrets in its environment, no way to the database, and limits on memory, processor
time and open files, because the bytes it decodes come from strangers.
"""

import os
import resource
import signal
import sys
from pathlib import Path
from typing import IO, Any

import orjson

from domain.errors import InvalidImage, Refusal
from imaging import engine, pipeline
from imaging.limits import Limits
from imaging.recipe import Recipe
from packshot.render.refusals import DISK_FULL, no_room

OPEN_FILES = 64
CPU_SECONDS_PER_RENDER = 30
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Serve requests from the standard input until it ends."""
    requests, answers = _private_pipes()
    _die_with_parent()
    engine.prepare()
    _limit_memory(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold somebody's picture
    _write(answers, {"engine": engine.fingerprint()})
    for line in requests:
        _allow_cpu_time()
        _write(answers, answer(orjson.loads(line)))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Render one request; a refusal is an answer too."""
    try:
        rendered = pipeline.render(
            Path(request["source"]),
            Recipe.from_dict(request["recipe"]),
            destination=Path(request["destination"]),
            limits=Limits(**request["limits"]),
        )
    except Refusal as refusal:
        return {"refusal": refusal.as_dict()}
    except MemoryError:
        return {"refusal": _too_much_memory().as_dict()}
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        return {"refusal": no_room().as_dict()}
    return {"rendered": rendered.to_dict()}


def _too_much_memory() -> InvalidImage:
    return InvalidImage(
        "too_much_memory",
        "The picture needs more memory than a render may take.",
        param="image",
        fix="Send a smaller picture.",
    )


def _private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes to the parent; what a library prints goes to the error output instead."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, answers


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where prctl exists

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent decides


def _limit_memory(budget_bytes: int) -> None:
    """Allow that much on top of what the loaded libraries map: RLIMIT_AS counts mappings too."""
    statm = Path("/proc/self/statm")  # proc(5): the first field is the size in pages
    if statm.exists():
        mapped = int(statm.read_text().split()[0]) * resource.getpagesize()
        limit = mapped + budget_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _allow_cpu_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS_PER_RENDER
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _write(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(orjson.dumps(message) + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
