"""What a page answers: a template with its values, or the address to go on at."""

from collections.abc import Mapping
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
class Redirect:
    """Go on at an address of ours; ``token`` begins a session, and an empty one ends it."""

    to: str
    token: str | None = None
