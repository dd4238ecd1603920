"""What a page answers: a template with its values, a file, or the address to go on at."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Html:
    """A page, or a fragment of one: the template and what it shows."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Streamed:
    """A file to be kept, sent as it is made; ``name`` is what the browser calls it."""

    pieces: AsyncIterator[bytes]
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on at an address of ours; ``token`` begins a session, and an empty one ends it."""

    to: str
    token: str | None = None
