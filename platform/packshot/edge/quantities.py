"""Numbers and lengths that a form may hold, each with its range and a value that works."""

import re
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any

from pydantic_core import PydanticCustomError

from imaging.recipe import Length
from packshot.edge.fields import ReadField, shown

NUMBER = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
LENGTH = re.compile(
    rf"(?P<number>{NUMBER.pattern}|[+-]?(?:nan|inf(?:inity)?))\s*(?P<unit>%|px)?", re.IGNORECASE
)
LARGEST_MARGIN = 0.49
LARGEST_MARGIN_PX = 9_999


@dataclass(frozen=True)
class WholeNumber(ReadField):
    """A whole number from ``minimum`` to ``maximum``; ``example`` is what the fix proposes."""

    minimum: int
    maximum: int
    example: int

    def read(self, value: object) -> int:
        """Read the number; 2000, "2000" and "2e3" are one."""
        number = read_number(value)
        if number is None or isnan(number) or (isfinite(number) and number != int(number)):
            raise not_valid(
                value, "a whole number", allowed={"min": self.minimum, "max": self.maximum},
                example=self.example,
            )  # fmt: skip
        if not self.minimum <= number <= self.maximum:
            raise out_of_range(value, self.minimum, self.maximum, example=self.example)
        return int(number)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the number."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Number(ReadField):
    """A number from ``minimum`` to ``maximum``."""

    minimum: float
    maximum: float
    example: float

    def read(self, value: object) -> float:
        """Read the number."""
        number = read_number(value)
        if number is None:
            allowed = {"min": self.minimum, "max": self.maximum}
            raise not_valid(value, "a number", allowed=allowed, example=self.example)
        if not self.minimum <= number <= self.maximum:  # NaN is in no range
            raise out_of_range(value, self.minimum, self.maximum, example=self.example)
        return number

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the number."""
        return {"type": "number", "minimum": self.minimum, "maximum": self.maximum}


class Margin(ReadField):
    """A margin: a ratio of the side (0–0.49), a percentage ("5%") or pixels ("80px")."""

    def read(self, value: object) -> Length:
        """Read the margin; NaN and infinity are out of range, words are not a margin."""
        text = _text_of(value)
        match = LENGTH.fullmatch(text) if text is not None else None
        if match is None:
            raise not_valid(
                value, 'a ratio (0.08), a percentage ("8%") or pixels ("80px")',
                allowed={"min": 0, "max": LARGEST_MARGIN}, example=0.08,
            )  # fmt: skip
        number, unit = float(match["number"]) + 0.0, match["unit"]  # -0.0 + 0.0 is 0.0
        if (unit or "").lower() == "px":
            if not 0 <= number <= LARGEST_MARGIN_PX:
                raise out_of_range(value, 0, LARGEST_MARGIN_PX, example="80px", unit="px")
            return Length(number, "px")
        ratio = number / 100 if unit == "%" else number
        if not 0 <= ratio <= LARGEST_MARGIN:
            raise out_of_range(value, 0, LARGEST_MARGIN, example=0.08, note=" for 8 percent")
        return Length.parse(ratio)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the margin."""
        return {
            "oneOf": [
                {"type": "number", "minimum": 0, "maximum": LARGEST_MARGIN},
                {"type": "string", "pattern": r"^[0-9]*\.?[0-9]+\s*(%|px)?$"},
            ]
        }


def read_number(value: object) -> float | None:
    """The number that a text or a JSON value holds; None when it holds none."""
    text = _text_of(value)
    if text is None:
        return None
    if text.lower().lstrip("+-") in {"nan", "inf", "infinity"} or NUMBER.fullmatch(text):
        return float(text)
    return None


def out_of_range(
    value: object, low: float, high: float, *, example: float | str, unit: str = "", note: str = ""
) -> PydanticCustomError:
    """The mistake of a value outside its range."""
    return PydanticCustomError(
        "out_of_range",
        "must be from {low} to {high}{unit}; got {got}.",
        {"low": f"{low:g}", "high": f"{high:g}", "unit": unit, "got": shown(value),
         "allowed": {"min": low, "max": high}, "example": example, "note": note},
    )  # fmt: skip


def not_valid(
    value: object, expected: str, *, allowed: dict[str, Any], example: float
) -> PydanticCustomError:
    """The mistake of a value that is not of its kind."""
    return PydanticCustomError(
        "invalid",
        "must be {expected}; got {got}.",
        {"expected": expected, "got": shown(value), "allowed": allowed, "example": example},
    )


def _text_of(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return repr(value)
    return value.strip() if isinstance(value, str) else None
