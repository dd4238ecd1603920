"""The forms of the page of keys."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic_core import PydanticCustomError

from domain.api_key import LONGEST_GRACE_S, USUAL_GRACE_S
from domain.scopes import EVERY_SCOPE, SCOPE_SETS, Scope
from packshot.edge.fields import Label, ReadField, Word
from packshot.edge.forms import Form
from packshot.edge.key_fields import ScopeList
from packshot.edge.looking_back import PagePoint
from packshot.edge.paging import PageForm
from packshot.edge.quantities import WholeNumber

CHOSEN = "chosen"
KEEP = "keep"
LONGEST_LINES = 4000
LIVES: Mapping[str, timedelta | None] = {
    "30": timedelta(days=30),
    "90": timedelta(days=90),
    "365": timedelta(days=365),
    "never": None,
}
GRACES: Mapping[int, str] = {
    0: "Not at all: it stops now",
    3600: "For an hour",
    USUAL_GRACE_S: "For a day",
    LONGEST_GRACE_S: "For a week",
}
LONGEST_TYPED = 1000  # the domain says how long a name may be, in words a person understands


class Ticked(ReadField):
    """Scopes whose boxes were ticked: one or several."""

    def read(self, value: object) -> tuple[Scope, ...]:
        """Read them."""
        return ScopeList().read(value if isinstance(value, list) else [value])

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the boxes."""
        return {"type": "array", "items": {"type": "string", "enum": list(EVERY_SCOPE)}}


class Lines(ReadField):
    """What was typed into a box of several lines, as it is."""

    def read(self, value: object) -> str:
        """Read it; what is too long is refused, for a part of it would say something else."""
        if isinstance(value, str) and len(value) <= LONGEST_LINES:
            return value
        context = {"max": LONGEST_LINES, "fix": "Name fewer networks, one a line."}
        raise PydanticCustomError("invalid", "may have {max} characters.", context)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the text."""
        return {"type": "string", "maxLength": LONGEST_LINES}


class KeysQuery(PageForm):
    """Which keys to list; ``whole`` asks for the table within the page, without a script."""

    q: Annotated[str | None, Label()] = None
    whole: Annotated[str | None, Label()] = None
    as_of: Annotated[int | datetime | None, PagePoint()] = None


class BoundsForm(Form):
    """Where from and how often a key works, as it was typed: the API's forms read it."""

    networks: Annotated[str | None, Lines()] = None
    limit: Annotated[str | None, Label()] = None
    window: Annotated[str | None, Label()] = None

    @property
    def values(self) -> dict[str, object]:
        """The same as fields of the API."""
        values: dict[str, object] = {"allowedCidrs": (self.networks or "").split()}
        if self.limit is None and self.window is None:
            return values | {"rateLimit": None}
        limit = {"rateLimit.limit": self.limit, "rateLimit.windowSeconds": self.window}
        return values | limit


class NewKeyPageForm(BoundsForm):
    """A key to create."""

    name: Annotated[str | None, Label(LONGEST_TYPED)] = None
    environment: Annotated[str, Word(("live", "test"))] = "live"
    scope_set: Annotated[str, Word((*SCOPE_SETS, CHOSEN))] = "process only"
    scopes: Annotated[tuple[Scope, ...], Ticked()] = ()
    life: Annotated[str, Word(tuple(LIVES))] = "365"


class EditPageForm(BoundsForm):
    """What the key is to be from now on."""

    name: Annotated[str | None, Label(LONGEST_TYPED)] = None
    scopes: Annotated[tuple[Scope, ...], Ticked()] = ()
    life: Annotated[str, Word((KEEP, *LIVES))] = KEEP


class RotatePageForm(Form):
    """How long the secret before the new one works."""

    grace: Annotated[int, WholeNumber(0, LONGEST_GRACE_S, example=USUAL_GRACE_S)] = USUAL_GRACE_S


class RevokePageForm(Form):
    """Why the key is revoked."""

    reason: Annotated[str | None, Label()] = None
