"""Lists in pages: ``limit`` and ``cursor`` in, ``page`` out, the same for every list.

A list endpoint takes a form that extends ``PageForm`` and asks its view for ``form.limit + 1`` rows
that come after ``form.after`` (None: from the beginning) in the list's own order. ``page_of`` keeps
``limit`` of them, and knows from the one more whether another page follows::

    after = form.after_id(JobId)
    rows = await find_jobs(connection, tenant_id=…, after=after, limit=form.limit + 1)
    total = await count_jobs(connection, tenant_id=…)
    shown, page = page_of(rows, form, total=Total(total), place=lambda row: str(row.job_id))
    return Reply(JobsAnswer(data=[job_answer(row) for row in shown], page=page))

``place`` is the text by which the view finds the next row again: an id, a position. It comes back
in ``form.after`` as any caller may have changed it, so it is parsed like all input: ``after_id``
and ``after_position`` do for the usual places, and ``bad_cursor`` refuses what does not parse.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from pydantic import Field
from pydantic_core import PydanticCustomError

from domain.errors import InvalidInput
from domain.ids import Id
from packshot.edge.fields import ReadField, shown
from packshot.edge.forms import Form
from packshot.edge.quantities import WholeNumber
from packshot.edge.shapes import Answer

MOST_ROWS = 200
DEFAULT_ROWS = 20
# The HTTP API's "Conventions": a filtered total stops counting here.
MOST_COUNTED = 10_000
LONGEST_CURSOR = 800  # a place of 100 characters, four bytes each, and an id
MOST_DIGITS = 18  # what a position of the log surely holds
LARGEST_COUNT = 2**53  # JSON numbers are exact up to here (RFC 8259, 6)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after the row of that place, with ``seen`` rows before it.

    ``at`` is the position of the log as of which the list is told, None for a list of today.
    """

    place: str
    seen: int
    at: int | None = None

    def __str__(self) -> str:
        """The text that clients hand back; what it holds is nobody's business but ours."""
        held = [self.place, self.seen] if self.at is None else [self.place, self.seen, self.at]
        return base64.urlsafe_b64encode(orjson.dumps(held)).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read the text of a cursor; raises ValueError."""
        if len(text) > LONGEST_CURSOR:
            raise ValueError("longer than any cursor")
        padded = text + "=" * (-len(text) % 4)
        try:
            held = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (binascii.Error, orjson.JSONDecodeError) as problem:
            raise ValueError("not a cursor") from problem
        match held:
            case [str() as place, seen] if _is_count(seen):
                return cls(place, seen)
            case [str() as place, seen, at] if _is_count(seen) and _is_count(at):
                return cls(place, seen, at)
        raise ValueError("not a cursor")


class CursorField(ReadField):
    """A cursor as an earlier page gave it; an empty one begins at the beginning."""

    def read(self, value: object) -> Cursor | None:
        """Read the cursor."""
        if value == "":
            return None
        try:
            return Cursor.parse(value if isinstance(value, str) else "?")
        except ValueError:
            raise PydanticCustomError(
                "invalid", "is not a cursor of this list; got {got}.", {"got": shown(value)}
            ) from None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the cursor."""
        return {"type": ["string", "null"], "maxLength": LONGEST_CURSOR}


class PageForm(Form):
    """What every list takes; a list with filters extends it."""

    limit: Annotated[int, WholeNumber(1, MOST_ROWS, example=DEFAULT_ROWS)] = Field(
        DEFAULT_ROWS, description="How many to answer at most."
    )
    cursor: Annotated[Cursor | None, CursorField()] = Field(
        None, description="page.nextCursor of the page before; leave it out for the first."
    )

    @property
    def after(self) -> str | None:
        """The place of the last row of the page before; None on the first page."""
        return None if self.cursor is None else self.cursor.place

    def after_id(self, kind: type[Id]) -> UUID | None:
        """The same, of a list whose places are ids of that kind; raises InvalidInput."""
        try:
            return None if self.after is None else kind.parse(self.after).uuid
        except ValueError:
            raise bad_cursor() from None

    def after_position(self) -> int | None:
        """The same, of a list whose places are positions of the log; raises InvalidInput."""
        position = None if self.after is None else position_of(self.after)
        if position is None and self.after is not None:
            raise bad_cursor()
        return position


@dataclass(frozen=True, slots=True)
class Total:
    """How long the list is; a filtered one may be longer than was counted."""

    count: int
    is_lower_bound: bool = False

    @classmethod
    def counted(cls, count: int) -> "Total":
        """A total that was counted to MOST_COUNTED + 1 rows at most."""
        return cls(min(count, MOST_COUNTED), is_lower_bound=count > MOST_COUNTED)


class PageAnswer(Answer):
    """Which rows of the list these are, counted from 1; an empty page is from 0 to 0.

    ``totalIsLowerBound`` is there, and true, where counting stopped before the end.
    """

    from_: int = Field(serialization_alias="from", ge=0)
    to: int = Field(ge=0)
    total: int = Field(ge=0)
    next_cursor: str | None
    total_is_lower_bound: bool = Field(default=False, exclude_if=lambda said: not said)


def page_of(
    rows: Sequence[T],
    form: PageForm,
    *,
    total: Total,
    place: Callable[[T], str],
    at: int | None = None,
) -> tuple[Sequence[T], PageAnswer]:
    """The rows that are answered, and the page they make.

    ``rows`` are those that follow ``form.after``, one more than ``form.limit`` where there are so
    many. ``total`` may have been counted a moment before the rows were read; it is never less than
    what the page shows. ``at`` is the position of the log as of which they were read; None: now.
    """
    kept = rows[: form.limit]
    before = form.cursor.seen if form.cursor is not None else 0
    to = before + len(kept) if kept else 0
    more = len(rows) > len(kept)
    return kept, PageAnswer(
        from_=before + 1 if kept else 0,
        to=to,
        total=max(total.count, to),
        next_cursor=str(Cursor(place(kept[-1]), to, at)) if more else None,
        total_is_lower_bound=total.is_lower_bound,
    )


def position_of(text: str) -> int | None:
    """The position of the log that a text names; None for any other text."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None


def _is_count(held: object) -> bool:
    return isinstance(held, int) and held is not True and 0 < held <= LARGEST_COUNT


def bad_cursor() -> InvalidInput:
    """The refusal of a cursor that was read, and whose place is none of this list."""
    return InvalidInput(
        "invalid_parameter",
        "cursor is not a cursor of this list.",
        param="cursor",
        fix="Use page.nextCursor of the page before, or leave cursor out.",
    )
