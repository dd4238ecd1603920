"""``asOf`` as a field: the time, or the position of the log, as of which a read is answered."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import PydanticCustomError

from packshot.edge.fields import ReadField, shown
from packshot.edge.forms import Form
from packshot.edge.moments import EXAMPLE, Moment
from packshot.edge.paging import PageForm, position_of

AS_OF = "asOf"
LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?", re.ASCII)
AS_OF_POSITION = "x-as-of-position"


@dataclass(frozen=True)
class PointOfLog(ReadField):
    """A position of the log, which is a whole number, or a time with its offset from UTC."""

    def read(self, value: object) -> int | datetime:
        """Read the position or the time."""
        position = position_of(str(value)) if isinstance(value, str | int) else None
        if position is not None and value is not True:
            return position
        try:
            return Moment().read(value)
        except PydanticCustomError:
            raise PydanticCustomError(
                "invalid",
                "must be a time with its offset, as in RFC 3339, or a position of the log;"
                " got {got}.",
                {"got": shown(value), "example": EXAMPLE},
            ) from None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the two."""
        return {"anyOf": [{"type": "string", "format": "date-time"},
                          {"type": "integer", "minimum": 0}]}  # fmt: skip


class PagePoint(PointOfLog):
    """The same from a field of a page: none where it is empty, and in UTC without an offset."""

    def read(self, value: object) -> int | datetime | None:  # type: ignore[override] # None as well
        """Read the position or the time."""
        if value == "":
            return None
        is_local = isinstance(value, str) and LOCAL.fullmatch(value)
        return super().read(f"{value}Z" if is_local else value)


class LooksBack(Form):
    """What a read takes that also answers how it stood before."""

    # No example: a collection of requests would ask for the past wherever it can.
    as_of: Annotated[int | datetime, PointOfLog()] | None = Field(
        None, description="Answer as it stood at this time, or at this position of the log."
    )


class PastPageForm(PageForm, LooksBack):
    """What a list takes that also answers how it stood before."""


def point_text(as_of: int | datetime | None) -> str | None:
    """The point as a page's field and addresses hold it: a time without its offset, in UTC."""
    if isinstance(as_of, datetime):
        return as_of.replace(tzinfo=None).isoformat()
    return None if as_of is None else str(as_of)
