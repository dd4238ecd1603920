"""An export of a log, line by line, as it is written for an outsider to verify.

A beginning says whose log it is and the tip before the first event; then comes a line for every
event with all that its digest covers; an end counts them and carries the signed head, so that an
export that was cut is seen to be. ``data`` and ``meta`` are the exact stored texts, as texts: a
program that reads and writes JSON may put an object's members in another order, a text it keeps.
docs/audit.md describes both formats; ``store/export_reading.py`` reads them.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from domain.ids import OrgId
from packshot.store.chain import Row

Format = Literal["ndjson", "csv"]

FORMAT = "packshot log export v1"
MEDIA_TYPES: dict[Format, str] = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
}
FIELDS = (
    "position", "streamId", "version", "eventId", "type", "at", "data", "meta", "hash"
)  # fmt: skip
CSV_COLUMNS = ("record", *FIELDS)
# A spreadsheet runs a cell that begins so (``edge/spreadsheets.py`` says which). A ' before it
# makes it text; a cell that begins with ' gets one too, so that whoever takes one ' away from the
# beginning has what was there.
GUARDED = re.compile("['\t\r\n]|[\\s\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # by which spreadsheets know UTF-8


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first line: the events follow ``after``, where the chain's tip is ``tip``.

    ``until`` is where the export was asked to end, None for the newest event there was.
    """

    org_id: OrgId
    after: int
    tip: bytes
    until: int | None
    exported_at: str

    def as_dict(self) -> dict[str, Any]:
        """The line's members."""
        return {
            "format": FORMAT,
            "orgId": str(self.org_id),
            "tenantId": str(self.org_id.uuid),
            "after": self.after,
            "tip": self.tip.hex(),
            "until": self.until,
            "exportedAt": self.exported_at,
        }


@dataclass(frozen=True, slots=True)
class Ending:
    """The last line: how many events came, and the signed head that they lead to."""

    events: int
    head: str

    def as_dict(self) -> dict[str, Any]:
        """The line's members."""
        return {"events": self.events, "head": self.head}


class Writer:
    """Writes one export in one of the formats, piece by piece."""

    def __init__(self, form: Format) -> None:
        self.form = form

    def beginning(self, beginning: Beginning) -> bytes:
        """The first line, and before it in CSV the names of the columns."""
        if self.form == "ndjson":
            return orjson.dumps({"begin": beginning.as_dict()}) + b"\n"
        return BYTE_ORDER_MARK + _csv([CSV_COLUMNS, bound_cells(beginning)])

    def events(self, rows: Iterable[Row]) -> bytes:
        """A line for each event, given as ``chain.COLUMNS``."""
        if self.form == "ndjson":
            return b"".join([_json_line(row) for row in rows])
        return "".join([_csv_line(row) for row in rows]).encode()

    def ending(self, ending: Ending) -> bytes:
        """The last line."""
        if self.form == "ndjson":
            return orjson.dumps({"end": ending.as_dict()}) + b"\n"
        return _csv([bound_cells(ending)])


def bound_cells(line: Beginning | Ending) -> tuple[str, ...]:
    """The first or the last line of a CSV: the JSON's members in ``data``, position and hash."""
    told = orjson.dumps(line.as_dict()).decode()
    if isinstance(line, Beginning):
        return ("begin", str(line.after), "", "", "", "", "", told, "", line.tip.hex())
    position, tip, _ = line.head.split(".")
    return ("end", position, "", "", "", "", "", told, "", tip)


def _json_line(row: Row) -> bytes:
    return (
        orjson.dumps(
            {
                "position": row[0],
                "streamId": str(row[1]),
                "version": row[2],
                "eventId": str(row[3]),
                "type": row[4],
                "at": time_text(row[7]),
                "data": row[5],
                "meta": row[6],
                "hash": _hex(row[8]),
            }
        )
        + b"\n"
    )


def _csv_line(row: Row) -> str:
    """A line as csv.writer would make it, in a third of its time: only three cells can need quotes.

    What may be null where none can be stays an empty cell, and is found by whoever verifies.
    """
    return (
        f"event,{row[0]},{row[1]},{row[2]},{row[3]},{_quoted(row[4])},{time_text(row[7]) or ''},"
        f"{_quoted(row[5])},{_quoted(row[6])},{_hex(row[8]) or ''}\r\n"
    )


def _csv(lines: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _quoted(cell: str | None) -> str:
    if cell is None:
        return ""
    guard = "'" if GUARDED.match(cell) else ""
    escaped = cell.replace('"', '""')
    return f'"{guard}{escaped}"'


def _hex(value: bytes | None) -> str | None:
    """The bytes in hex; a null, where none can be, stays one and is found by whoever verifies."""
    return None if value is None else value.hex()


def time_text(at: datetime | None) -> str | None:
    """The time to the microsecond, which is what the digest covers."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
