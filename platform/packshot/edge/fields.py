"""The kinds of value that a form may hold, each with its reading, its range and its schema.

A value comes as text (multipart, query) or as JSON's own types; both read alike, so "2000" and
2000 are one wish. A mistake is a ``PydanticCustomError`` whose context ``forms`` turns into a
problem: ``out_of_range`` becomes ``<field>_out_of_range``, any other type ``invalid_parameter``;
``fix`` is its fix, or ``example`` a value that works.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from reprlib import repr as short_repr
from typing import Any, ClassVar, LiteralString

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

SHOWN_CHARACTERS = 40
# What JSON and Postgres cannot hold, or a line of text should not: control characters, surrogates.
NOT_PLAIN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class ReadField(ABC):
    """A field read by ``read`` and described by ``schema``; some can only be said in JSON.

    A field that ``may_repeat`` is given the list of its values where multipart repeats it.
    """

    is_only_json: ClassVar[bool] = False
    may_repeat: ClassVar[bool] = False

    @abstractmethod
    def read(self, value: object) -> Any:
        """The checked value; raises PydanticCustomError."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what is read."""

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self.schema()


@dataclass(frozen=True)
class Word(ReadField):
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
class Label(ReadField):
    """A short text without control characters; an empty one says nothing and reads as None."""

    max_characters: int = 200

    def read(self, value: object) -> str | None:
        """Read the text."""
        if not isinstance(value, str):
            fix = "Send it as a JSON string, in quotes."
            raise self._invalid("must be a text; got {got}.", got=shown(value), fix=fix)
        if not _is_plain(value):
            raise self._invalid(
                "must be a text without control characters; got {got}.",
                got=shown(value),
                fix="Remove its line breaks, tabs and other control characters.",
            )
        text = value.strip()
        if len(text) > self.max_characters:
            raise self._invalid(
                "may have {max} characters; got {got}.",
                got=str(len(text)),
                fix=f"Shorten it to {self.max_characters} characters.",
            )
        return text or None

    def _invalid(self, message: LiteralString, *, got: str, fix: str) -> PydanticCustomError:
        allowed = {"maxLength": self.max_characters}
        context = {"max": self.max_characters, "got": got, "allowed": allowed, "fix": fix}
        return PydanticCustomError("invalid", message, context)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the text."""
        return {
            "type": ["string", "null"],
            "maxLength": self.max_characters,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
        }


class Truth(ReadField):
    """true or false, in JSON or as a word."""

    def read(self, value: object) -> bool:
        """Read the truth."""
        word = value.strip().lower() if isinstance(value, str) else value
        if word in (True, "true", "1"):
            return True
        if word in (False, "false", "0"):
            return False
        raise PydanticCustomError(
            "invalid", "must be true or false; got {got}.", {"got": shown(value), "example": "true"}
        )

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the truth."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Password(ReadField):
    """A text that no refusal and no log shows, taken as it is: its spaces count."""

    max_characters: int = 1000

    def read(self, value: object) -> str:
        """Read the text."""
        if not isinstance(value, str):
            raise self._invalid("must be a text, given once.")
        if len(value) > self.max_characters:
            raise self._invalid("may have {max} characters.")
        if not _is_plain(value):
            raise self._invalid("must be a text without control characters.")
        return value

    def _invalid(self, message: LiteralString) -> PydanticCustomError:
        context = {"max": self.max_characters, "allowed": {"maxLength": self.max_characters}}
        return PydanticCustomError("invalid", message, context)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the text."""
        return {"type": "string", "maxLength": self.max_characters, "writeOnly": True}


@dataclass(frozen=True)
class Whole(ReadField):
    """A field that is told by its dotted ones: whole, it can only be null, which clears them."""

    example: str

    def read(self, value: object) -> None:
        """Read nothing."""
        if value not in (None, {}):
            context = {"got": shown(value), "fix": f"Send {self.example}."}
            raise PydanticCustomError("invalid", "must be an object; got {got}.", context)

    def schema(self) -> dict[str, Any]:
        """The fields within it have schemas of their own."""
        return {"type": "null"}


@dataclass(frozen=True)
class NotYet(ReadField):
    """A field of the contract that this version cannot honour: refused, with the reason."""

    reason: str

    def read(self, value: object) -> None:
        """Refuse the value."""
        raise PydanticCustomError(
            "invalid",
            "is not supported by this version: {reason}",
            {"reason": self.reason, "got": shown(value), "fix": "Leave the field out."},
        )

    def schema(self) -> dict[str, Any]:
        """No value is valid."""
        return {"not": {}, "description": self.reason}


def shown(value: object) -> str:
    """The value as a detail may quote it: short, and of one line."""
    text = value if isinstance(value, str) else short_repr(value)
    text = text[: SHOWN_CHARACTERS + 1]
    text = text.encode("unicode_escape").decode("ascii") if not _is_plain(text) else text
    if not text:
        return "an empty value"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _is_plain(text: str) -> bool:
    return NOT_PLAIN.search(text) is None
