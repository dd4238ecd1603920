"""Reads an export of a log, and takes nothing in it for granted.

Every value is held against the one way in which an export writes it: a file in which a single bit
is changed is either not readable at its place, or its chain does not hold.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

import orjson

from domain.ids import OrgId
from packshot.store.export_lines import (
    BYTE_ORDER_MARK,
    CSV_COLUMNS,
    FIELDS,
    FORMAT,
    Beginning,
    Ending,
    bound_cells,
    time_text,
)

EventRow = tuple[int, UUID, int, UUID, str, str, str, datetime, bytes]
Line = Beginning | EventRow | Ending
Found = tuple[int, dict[str, Any]]

WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")
HASH = re.compile(r"[0-9a-f]{64}")
MALFORMED = (ValueError, TypeError, KeyError, OverflowError)


class UnreadableLine(Exception):
    """A line is not one that an export has at its place; lines are counted from 1."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")


def read_export(file: BinaryIO) -> Iterator[tuple[int, Line]]:
    """What a file of either format holds, each with the number of its line, in its order.

    Raises UnreadableLine.
    """
    beginning = file.read(1)
    file.seek(0)
    for number, members in _json_objects(file) if beginning == b"{" else _csv_objects(file):
        try:
            yield number, _line(members)
        except MALFORMED:
            raise UnreadableLine(number, "this is no line of an export") from None


def _json_objects(lines: Iterable[bytes]) -> Iterator[Found]:
    for number, line in enumerate(lines, start=1):
        try:
            found = orjson.loads(line)
            if orjson.dumps(found) + b"\n" != line:  # written by another hand: then more slowly
                found = json.loads(line, object_pairs_hook=_distinct)
        except ValueError:
            raise UnreadableLine(number, "this is no JSON, or not all of a line") from None
        if type(found) is not dict:
            raise UnreadableLine(number, "this is no line of an export")
        yield number, found


def _csv_objects(file: BinaryIO) -> Iterator[Found]:
    """The lines as the JSON format has them; numbers are those of the file, not of its records."""
    csv.field_size_limit(sys.maxsize)
    text = io.TextIOWrapper(file, "utf-8", newline="")
    reader = csv.reader(text, strict=True)
    try:
        if tuple(next(reader, ())) != (BYTE_ORDER_MARK.decode() + CSV_COLUMNS[0], *CSV_COLUMNS[1:]):
            raise UnreadableLine(1, "this is no export: its columns are others")
        while True:
            number = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            yield number, _members(cells)
    except (csv.Error, *MALFORMED):
        number = reader.line_num + 1
        raise UnreadableLine(number, "this is no line of an export") from None
    finally:
        text.detach()


def _members(line: list[str]) -> dict[str, Any]:
    cells = dict(zip(CSV_COLUMNS, line, strict=True))
    match cells.pop("record"):
        case "event":
            numbers = {name: _whole_text(cells[name]) for name in ("position", "version")}
            texts = {name: _unguarded(cells[name]) for name in ("type", "data", "meta")}
            return {**cells, **numbers, **texts}
        case "begin" | "end" as kind:
            members: dict[str, Any] = {kind: json.loads(cells["data"], object_pairs_hook=_distinct)}
            found = _line(members)
            if isinstance(found, Beginning | Ending) and bound_cells(found) == tuple(line):
                return members
    raise ValueError("there is no such record")


def _line(members: dict[str, Any]) -> Line:
    if len(members) == len(FIELDS):
        return (
            _whole(members["position"]),
            _uuid(members["streamId"]),
            _whole(members["version"]),
            _uuid(members["eventId"]),
            _text(members["type"]),
            _text(members["data"]),
            _text(members["meta"]),
            _time(members["at"]),
            _hash(members["hash"]),
        )
    [(kind, told)] = members.items()
    if kind == "end":
        line: Beginning | Ending = Ending(_whole(told["events"]), _text(told["head"]))
    else:
        line = Beginning(
            OrgId.parse(told["orgId"]),
            _whole(told["after"]),
            _hash(told["tip"]),
            None if told["until"] is None else _whole(told["until"]),
            time_text(_time(told["exportedAt"])) or "",
        )
    if members != {"end" if isinstance(line, Ending) else "begin": line.as_dict()}:
        raise ValueError(f"not a line of {FORMAT}")
    return line


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a whole number")
    return value


def _whole_text(text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


def _text(value: object) -> str:
    if type(value) is not str:
        raise ValueError("not a text")
    return value


def _uuid(value: str) -> UUID:
    found = UUID(value)
    if str(found) != value:
        raise ValueError("not as a UUID is written here")
    return found


def _time(value: str) -> datetime:
    found = datetime.fromisoformat(value)
    if time_text(found) != value:
        raise ValueError("not as a time is written here")
    return found


def _hash(value: str) -> bytes:
    if not HASH.fullmatch(value):
        raise ValueError("not a hash")
    return bytes.fromhex(value)


def _unguarded(cell: str) -> str:
    return cell.removeprefix("'")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members
