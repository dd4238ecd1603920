"""The kinds of value that a form may hold, each with its reading, its range and its schema.

A value comes as text (multipart, query) or as JSON's own types; both read alike, so "2000" and
2000 are one wish. A mistake is a ``PydanticCustomError`` whose context ``forms`` turns into a
problem: ``out_of_range`` becomes ``<field>_out_of_range``, any other type ``invalid_parameter``.
"""

import re
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from imaging.recipe import Length

NUMBER = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
LENGTH = re.compile(
    rf"(?P<number>{NUMBER.pattern}|[+-]?(?:nan|inf(?:inity)?))\s*(?P<unit>%|px)?", re.IGNORECASE
)
SHOWN_CHARACTERS = 40
LARGEST_MARGIN = 0.49
LARGEST_MARGIN_PX = 9_999


class _ReadField:
    """A field read by ``read`` and described by ``schema``."""

    def read(self, value: object) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self.schema()


@dataclass(frozen=True)
class WholeNumber(_ReadField):
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
class Number(_ReadField):
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


class Margin(_ReadField):
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
        number, unit = float(match["number"]), match["unit"]
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


@dataclass(frozen=True)
class Word(_ReadField):
    """One word of a list; ``aliases`` are read as the word they stand for.

    ``not_yet`` are words of the contract that this version cannot honour, with the reason.
    """

    words: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    not_yet: tuple[tuple[str, str], ...] = ()

    def read(self, value: object) -> str:
        """Read the word, in lower or upper case."""
        word = value.strip().lower() if isinstance(value, str) else ""
        word = dict(self.aliases).get(word, word)
        if word in self.words:
            return word
        reason = dict(self.not_yet).get(word)
        if reason is not None:
            raise PydanticCustomError(
                "invalid",
                "{got} is not supported by this version: {reason}",
                {"got": word, "reason": reason, **self._allowed()},
            )
        raise PydanticCustomError(
            "invalid",
            "must be one of {words}; got {got}.",
            {"words": ", ".join(self.words), "got": shown(value), **self._allowed()},
        )

    def _allowed(self) -> dict[str, Any]:
        return {"allowed": {"values": list(self.words)}, "example": self.words[0]}

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the word."""
        return {"type": "string", "enum": [*self.words, *(alias for alias, _ in self.aliases)]}


@dataclass(frozen=True)
class Label(_ReadField):
    """A short text without control characters; an empty one says nothing and reads as None."""

    max_characters: int = 200

    def read(self, value: object) -> str | None:
        """Read the text."""
        if not isinstance(value, str) or not _is_plain(value):
            raise PydanticCustomError(
                "invalid",
                "must be a text without control characters; got {got}.",
                {"got": shown(value), "allowed": {"maxLength": self.max_characters}},
            )
        text = value.strip()
        if len(text) > self.max_characters:
            raise PydanticCustomError(
                "invalid",
                "may have {max} characters; got {length}.",
                {"max": self.max_characters, "length": len(text),
                 "allowed": {"maxLength": self.max_characters}},
            )  # fmt: skip
        return text or None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the text."""
        return {"type": ["string", "null"], "maxLength": self.max_characters}


@dataclass(frozen=True)
class NotYet(_ReadField):
    """A field of the contract that this version cannot honour: refused, with the reason."""

    reason: str

    def read(self, value: object) -> None:
        """Refuse the value."""
        raise PydanticCustomError(
            "invalid",
            "is not supported by this version: {reason}",
            {"reason": self.reason, "got": shown(value)},
        )

    def schema(self) -> dict[str, Any]:
        """No value is valid."""
        return {"not": {}, "description": self.reason}


def read_number(value: object) -> float | None:
    """The number that a text or a JSON value holds; None when it holds none."""
    text = _text_of(value)
    if text is None:
        return None
    if text.lower().lstrip("+-") in {"nan", "inf", "infinity"} or NUMBER.fullmatch(text):
        return float(text)
    return None


def shown(value: object) -> str:
    """The value as a detail may quote it: short, and of one line."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("unicode_escape").decode("ascii") if not _is_plain(text) else text
    if not text:
        return "an empty value"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


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


def _is_plain(text: str) -> bool:
    """No control character, no lone surrogate: what JSON and Postgres can hold."""
    return not any(
        character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff"
        for character in text
    )
