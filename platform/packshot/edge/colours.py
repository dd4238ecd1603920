"""Colours that a form may hold, alone and in lists."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic_core import PydanticCustomError

from packshot.edge.fields import ReadField, shown

_COLOUR = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
EXAMPLE = "#f2efe9"


class Colour(ReadField):
    """A colour as ``#rrggbb`` or ``#rgb``, read as the first of them."""

    def read(self, value: object) -> str:
        """Read the colour."""
        return read_colour(value)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the colour."""
        return {"type": "string", "pattern": "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"}


@dataclass(frozen=True)
class Colours(ReadField):
    """Up to ``most`` colours: a list in JSON, in multipart separated by commas."""

    may_repeat: ClassVar[bool] = True

    most: int

    def read(self, value: object) -> tuple[str, ...]:
        """Read the colours."""
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, list) or not 1 <= len(given) <= self.most:
            raise PydanticCustomError(
                "invalid",
                "must be 1 to {most} colors; got {got}.",
                {
                    "most": self.most, "got": shown(value), "example": EXAMPLE,
                    "allowed": {"minItems": 1, "maxItems": self.most},
                },
            )  # fmt: skip
        return tuple(read_colour(each) for each in given)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the colours."""
        return {
            "oneOf": [
                {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": self.most,
                    "items": Colour().schema(),
                },
                {"type": "string"},
            ]
        }


def read_colour(value: object) -> str:
    """The colour as ``#rrggbb``; raises PydanticCustomError."""
    text = value.strip() if isinstance(value, str) else ""
    match = _COLOUR.fullmatch(text)
    if match is None:
        raise PydanticCustomError(
            "invalid",
            "must be a color written as #rrggbb; got {got}.",
            {"got": shown(value), "example": EXAMPLE},
        )
    digits = match[1].lower()
    if len(digits) == 3:  # noqa: PLR2004 - #rgb
        digits = "".join(2 * digit for digit in digits)
    return f"#{digits}"
