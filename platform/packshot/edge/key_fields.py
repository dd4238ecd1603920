"""The fields of a request about keys: lists of scopes, named sets of them, and an end."""

from datetime import datetime
from typing import Any, ClassVar

from pydantic_core import PydanticCustomError

from domain.ids import UserId
from domain.key_text import SECRET_LENGTH, SHAPE, KeyText, checksum
from domain.networks import read_network
from domain.scopes import EVERY_SCOPE, Scope
from packshot.edge.fields import ReadField, shown
from packshot.edge.moments import Moment

NEVER = "never"
MOST_CIDRS = 50
EXAMPLE_BODY = f"pshot_live_EXAMPLE1_{'0' * SECRET_LENGTH}"
# Well formed and nobody's: no key is made of noughts.
EXAMPLE_KEY = EXAMPLE_BODY + checksum(EXAMPLE_BODY)
MOMENT = Moment()


class ScopeList(ReadField):
    """A list of scopes in JSON."""

    is_only_json: ClassVar[bool] = True

    def read(self, value: object) -> tuple[Scope, ...]:
        """Read the list; each scope counts once, in the order of their declaration."""
        if not isinstance(value, list) or not value:
            raise _wrong_scopes("must be a list of at least one scope; got {got}.", value)
        for scope in value:
            if scope not in EVERY_SCOPE:
                raise _wrong_scopes("holds {got}, which is no scope.", scope)
        return tuple(scope for scope in Scope if scope in value)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the list."""
        words = {"type": "string", "enum": [str(scope) for scope in EVERY_SCOPE]}
        return {"type": "array", "minItems": 1, "items": words}


class End(ReadField):
    """A time, or the word ``never``, which reads as None."""

    def read(self, value: object) -> datetime | None:
        """Read the end."""
        if value is None or (isinstance(value, str) and value.strip().lower() == NEVER):
            return None
        return MOMENT.read(value)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the end."""
        return {"anyOf": [MOMENT.schema(), {"const": NEVER}, {"type": "null"}]}


class CidrList(ReadField):
    """A list of networks in CIDR notation; an empty one is everywhere."""

    is_only_json: ClassVar[bool] = True

    def read(self, value: object) -> tuple[str, ...]:
        """Read the list; each network counts once, in the order given."""
        if value is None:
            return ()
        if not isinstance(value, list):
            raise _wrong_network("must be a list of networks; got {got}.", value)
        if len(value) > MOST_CIDRS:
            raise _wrong_network("may hold {most} networks; got {got}.", str(len(value)))
        return tuple(dict.fromkeys(self._network(text) for text in value))

    def _network(self, text: object) -> str:
        try:
            return str(read_network(text if isinstance(text, str) else ""))
        except ValueError as mistake:
            raise _wrong_network(
                "holds {got}, which is no network.", text, fix=str(mistake)
            ) from None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the list."""
        return {"type": "array", "maxItems": MOST_CIDRS, "items": {"type": "string"}}


class WholeKey(ReadField):
    """The text of a key, which no refusal and no log shows."""

    def read(self, value: object) -> str:
        """Read the text."""
        try:
            return KeyText.parse(value.strip() if isinstance(value, str) else "").text
        except ValueError:
            context = {"fix": "Send it from pshot_ to its last character."}
            message = "must be a whole key; its checksum does not fit."
            raise PydanticCustomError("invalid", message, context) from None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the text."""
        return {"type": "string", "pattern": f"^{SHAPE.pattern}$", "writeOnly": True}


class PersonsId(ReadField):
    """The public id of a person."""

    def read(self, value: object) -> UserId:
        """Read the id."""
        try:
            return UserId.parse(value if isinstance(value, str) else "")
        except ValueError:
            context = {"got": shown(value), "fix": "GET /api/v1/members tells the ids of people."}
            raise PydanticCustomError(
                "invalid", "must be the id of a person; got {got}.", context
            ) from None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the id."""
        return {"type": "string", "pattern": "^usr_[0-9a-hjkmnp-tv-z]{26}$"}


def _wrong_network(message: Any, value: object, *, fix: str | None = None) -> PydanticCustomError:
    context = {
        "got": shown(value),
        "most": MOST_CIDRS,
        "allowed": {"maxItems": MOST_CIDRS},
        "fix": fix or 'Send allowedCidrs as in ["203.0.113.0/24","2001:db8::/32"].',
    }
    return PydanticCustomError("invalid", message, context)


def _wrong_scopes(message: Any, value: object) -> PydanticCustomError:
    context = {
        "got": shown(value),
        "allowed": {"scopes": [str(scope) for scope in EVERY_SCOPE]},
        "fix": 'Send scopes as in ["images:process","jobs:write"], or a scopeSet.',
    }
    return PydanticCustomError("invalid", message, context)
