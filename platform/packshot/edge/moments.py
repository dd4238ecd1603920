"""A point in time as a field: RFC 3339 with its offset, within reach."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import PydanticCustomError

from packshot.edge.fields import ReadField, shown

EXAMPLE = "2026-11-22T18:00:00Z"
LONGEST_TEXT = 40


@dataclass(frozen=True)
class Moment(ReadField):
    """A time with its offset from UTC; ``most_ahead`` bounds how far in the future it may lie."""

    most_ahead: timedelta | None = None

    def read(self, value: object) -> datetime:
        """Read the time, in UTC."""
        moment = _parsed(value) if isinstance(value, str) and len(value) <= LONGEST_TEXT else None
        if moment is None or moment.tzinfo is None:
            raise PydanticCustomError(
                "invalid",
                "must be a time with its offset, as RFC 3339 writes it; got {got}.",
                {"got": shown(value), "example": EXAMPLE},
            )
        if self.most_ahead is not None and moment > datetime.now(UTC) + self.most_ahead:
            raise PydanticCustomError(
                "invalid",
                "may lie at most {days} days ahead; got {got}.",
                {"days": self.most_ahead.days, "got": shown(value),
                 "allowed": {"maxDaysAhead": self.most_ahead.days}},
            )  # fmt: skip
        return moment.astimezone(UTC)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the time."""
        return {"type": "string", "format": "date-time"}


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
