"""Reads a render child's answer as what it is: text from a process that decodes strangers' bytes.

A picture may have taken the child over, and a broken library may have written into its pipe. So an
answer is believed only when it has the whole shape of one, and names a file that is there.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from domain.errors import InvalidImage
from imaging.checks import FORMATS, SIDE_PX
from imaging.facts import Facts
from imaging.limits import TooLargeHere
from imaging.rendered import Rendered

SHA256 = re.compile(r"[0-9a-f]{64}")
CODE = re.compile(r"[a-zA-Z_.]{1,64}")
ESCAPED_NUL = b"\\u0000"  # JSON may hold it, a text of Postgres may not


class Garbled(Exception):
    """A child's answer is none; the child cannot be trusted with another picture."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The members of a refusal, as the child wrote them."""

    code: str
    detail: str
    fix: str | None = None
    param: str | None = None
    allowed: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    rendered: Rendered | None = None
    facts: Facts | None = None
    refusal: Refused | None = None


SHAPE = TypeAdapter(_Answer)


def read_answer(line: bytes, destination: Path) -> Rendered | InvalidImage:
    """The picture that was made at ``destination``, or why none was; raises Garbled."""
    answer = _read(line)
    if answer.rendered is None:
        return _refusal_in(answer)
    return _believed(answer.rendered, destination)


def read_facts(line: bytes) -> Facts | InvalidImage:
    """The facts that were measured, or why none were; raises Garbled."""
    answer = _read(line)
    return _refusal_in(answer) if answer.facts is None else answer.facts


def _read(line: bytes) -> _Answer:
    try:
        orjson.loads(line)  # stricter than the validator: no NaN, no infinity, no lone surrogate
        answer = SHAPE.validate_json(line, strict=True)
    except (orjson.JSONDecodeError, ValidationError) as problem:
        raise Garbled("not the shape of an answer") from problem
    if ESCAPED_NUL in line:
        raise Garbled("a text with a NUL")
    return answer


def _refusal_in(answer: _Answer) -> InvalidImage:
    if answer.refusal is None:
        raise Garbled("neither what was asked for nor a refusal")
    return _refusal(answer.refusal)


def _believed(rendered: Rendered, destination: Path) -> Rendered:
    low, high = SIDE_PX
    is_sound = (
        rendered.format in FORMATS
        and low <= rendered.width_px <= high
        and low <= rendered.height_px <= high
        and SHA256.fullmatch(rendered.bytes_sha256)  # names a file of the blob store
        and SHA256.fullmatch(rendered.pixel_sha256)
    )
    if not is_sound:
        raise Garbled("facts that no picture has")
    try:
        size_bytes = destination.stat(follow_symlinks=False).st_size
    except OSError as problem:
        raise Garbled("a picture that is not there") from problem
    if size_bytes != rendered.size_bytes:
        raise Garbled("a picture of another size")
    return rendered


def _refusal(refused: Refused) -> InvalidImage:
    if not CODE.fullmatch(refused.code):
        raise Garbled("a refusal without a code")
    if refused.code == TooLargeHere.code:
        return TooLargeHere()
    return InvalidImage(
        refused.code,
        refused.detail,
        fix=refused.fix,
        param=refused.param,
        allowed=refused.allowed,
    )
