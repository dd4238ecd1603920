"""Checks that every recipe makes of its members, and the hash that every recipe has."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from domain.errors import InvalidInput

SIDE_PX = (16, 10_000)
QUALITY = (1, 100)
FORMATS = ("jpeg", "png", "webp")


def require_range(name: str, value: float, ends: tuple[float, float]) -> None:
    """Raise InvalidInput (``<name>_out_of_range``) for a value that is not between the ends."""
    low, high = ends
    if not low <= value <= high:  # NaN is in no range
        raise InvalidInput(
            f"{name}_out_of_range",
            f"{name} must be from {low:g} to {high:g}; got {value:g}.",
            param=name,
            allowed={"min": low, "max": high},
            fix=f"Send a {name} from {low:g} to {high:g}.",
        )


def require_word(name: str, value: str, words: Sequence[str]) -> None:
    """Raise InvalidInput (``invalid_parameter``) for a word that is not among these."""
    if value not in words:
        raise InvalidInput(
            "invalid_parameter",
            f"{name} must be one of {', '.join(words)}; got {value!r}.",
            param=name,
            allowed={"values": list(words)},
            fix=f"Send {name}={words[0]}.",
        )


def hash_of(members: Mapping[str, Any]) -> str:
    """Hex SHA-256 over the canonical JSON of what decides the pixels."""
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
