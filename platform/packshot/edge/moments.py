"""A point in time or a day as a field: RFC 3339, within reach."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic_core import PydanticCustomError

from packshot.edge.fields import ReadField, shown

EXAMPLE = "2026-11-22T18:00:00Z"
EXAMPLE_DAY = "2027-01-31"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LONGEST_TEXT = 40
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # ids count from there


@dataclass(frozen=True)
class Moment(ReadField):
    """A time with its offset from UTC; ``most_ahead`` bounds how far in the future it may lie."""

    most_ahead: timedelta | None = None

    def read(self, value: object) -> datetime:
        """Read the time, in UTC."""
        moment = _parsed(value) if isinstance(value, str) and len(value) <= LONGEST_TEXT else None
        if moment is None:
            raise PydanticCustomError(
                "invalid",
                "must be a time from 1970 to 9999 with its offset, as in RFC 3339; got {got}.",
                {"got": shown(value), "example": EXAMPLE},
            )
        if self.most_ahead is not None and moment > datetime.now(UTC) + self.most_ahead:
            raise PydanticCustomError(
                "invalid",
                "may lie at most {days} days ahead; got {got}.",
                {"days": self.most_ahead.days, "got": shown(value),
                 "allowed": {"maxDaysAhead": self.most_ahead.days},
                 "fix": f"Use a time within the next {self.most_ahead.days} days."},
            )  # fmt: skip
        return moment

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the time."""
        return {"type": "string", "format": "date-time"}


class Day(ReadField):
    """A day as ``2027-01-31``, or a time with its offset, whose day in UTC is meant."""

    def read(self, value: object) -> date:
        """Read the day."""
        text = value.strip() if isinstance(value, str) and len(value) <= LONGEST_TEXT else ""
        try:
            day = date.fromisoformat(text) if DAY.fullmatch(text) else None
        except ValueError:
            day = None
        moment = _parsed(text) if day is None else None
        if day is None and moment is None:
            raise PydanticCustomError(
                "invalid",
                "must be a day, or a time with its offset, as in RFC 3339; got {got}.",
                {"got": shown(value), "example": EXAMPLE_DAY},
            )
        return moment.date() if moment is not None else day  # type: ignore[return-value] # one of both is there

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the day."""
        return {"anyOf": [{"type": "string", "format": f} for f in ("date", "date-time")]}


def _parsed(text: str) -> datetime | None:
    """The time in UTC; None for one without an offset or out of range, and for any other text."""
    try:
        moment = datetime.fromisoformat(text)
        in_utc = None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC a time may lie outside of what a date can say
        return None
    return in_utc if in_utc is not None and in_utc >= EARLIEST else None
