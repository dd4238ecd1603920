"""A render child: one request a line in, one answer a line out, until its input ends.

The bytes that it decodes come from strangers: it has no secret in its environment and gives up what
it can do without (confinement.py) before the first of them.
"""

import os
import sys
from pathlib import Path
from typing import IO, Any

import orjson

from domain.errors import InvalidImage, Refusal
from imaging import engine
from imaging.limits import Limits
from imaging.measure import measure
from imaging.operations import read_recipe
from imaging.rendering import render
from packshot.render.confinement import allow_cpu_time, confine
from packshot.render.refusals import DISK_FULL, no_room


def main() -> None:
    """Serve requests from the standard input until it ends."""
    confine(int(sys.argv[1]))
    requests, answers = _private_pipes()
    engine.prepare()
    _write(answers, {"engine": engine.fingerprint()})
    for line in requests:
        allow_cpu_time()
        _write(answers, answer(orjson.loads(line)))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do one request; a refusal is an answer too."""
    source, limits = Path(request["source"]), Limits(**request["limits"])
    try:
        if "recipe" not in request:
            return {"facts": measure(source, limits).to_dict()}
        rendered = render(
            source,
            read_recipe(request["operation"], request["recipe"]),
            destination=Path(request["destination"]),
            limits=limits,
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


def _write(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(orjson.dumps(message) + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
