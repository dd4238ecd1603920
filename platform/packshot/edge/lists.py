"""Fields that hold several values: lists of words."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic_core import PydanticCustomError

from packshot.edge.fields import ReadField, Word, shown

MOST_WORDS = 50


@dataclass(frozen=True)
class WordList(ReadField):
    """Words of a list, each once and in their order: a JSON list, or text with commas.

    In multipart the field may also be repeated, with or without ``[]`` behind its name.
    """

    words: tuple[str, ...]
    may_repeat: ClassVar[bool] = True

    def read(self, value: object) -> tuple[str, ...]:
        """Read the words."""
        given = value if isinstance(value, list) else [value]
        parts = [part for each in given for part in _parts(each)]
        if not parts or len(parts) > MOST_WORDS:
            raise PydanticCustomError(
                "invalid",
                "must hold 1 to {max} words; got {got}.",
                {"max": MOST_WORDS, "got": shown(value), "allowed": {"values": list(self.words)},
                 "example": self.words[0]},
            )  # fmt: skip
        word = Word(self.words)
        return tuple(dict.fromkeys(word.read(part) for part in parts))

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the words."""
        items = {"type": "string", "enum": list(self.words)}
        return {"type": "array", "items": items, "minItems": 1, "maxItems": MOST_WORDS}


def _parts(value: object) -> list[object]:
    return list(value.split(",")) if isinstance(value, str) else [value]
