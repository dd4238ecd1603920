"""Where the light comes from and what shadow it throws: parts of recipes that light a subject."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from domain.errors import InvalidInput
from imaging.checks import require_range, require_word

ShadowMode = Literal["contact", "drop", "none"]
SHADOW_MODES: tuple[ShadowMode, ...] = ("contact", "drop", "none")
SHARE = (0.0, 1.0)
DIRECTION = (0.0, 360.0)
ELEVATION = (0.0, 90.0)
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Shadow:
    """The shadow under or behind a subject.

    ``contact`` lies where the subject stands, ``drop`` is its outline moved away from the light.
    ``opacity`` (0–1) is the share of the light that it takes where it is whole, in linear light;
    ``spread`` (0–1) how soft it is; ``colour`` (``#rrggbb``) what is left where it is whole.
    """

    mode: ShadowMode = "contact"
    opacity: float = 0.6
    spread: float = 0.4
    colour: str = "#000000"

    def __post_init__(self) -> None:
        """Refuse what is no shadow."""
        require_word("shadow.mode", self.mode, SHADOW_MODES)
        require_range("shadow.opacity", self.opacity, SHARE)
        require_range("shadow.spread", self.spread, SHARE)
        require_colour("shadow.color", self.colour)

    def to_dict(self) -> dict[str, Any]:
        """The shadow as JSON-native data; of none, nothing else counts."""
        if self.mode == "none":
            return {"mode": "none"}
        return {
            "mode": self.mode,
            "opacity": self.opacity,
            "spread": self.spread,
            "colour": self.colour,
        }


@dataclass(frozen=True, slots=True)
class Light:
    """Where the light comes from.

    ``direction`` is 0–360 degrees clockwise from above the picture: 0 is the top, 90 the right.
    ``elevation`` is 0 (along the picture, long shadows) to 90 degrees (from the viewer's side).
    """

    direction: float = 315.0
    elevation: float = 45.0

    def __post_init__(self) -> None:
        """Refuse what no light can be."""
        require_range("light.direction", self.direction, DIRECTION)
        require_range("light.elevation", self.elevation, ELEVATION)

    def to_dict(self) -> dict[str, Any]:
        """The light as JSON-native data; a whole turn is none."""
        return {"direction": self.direction % 360, "elevation": self.elevation}


def require_colour(name: str, colour: str) -> None:
    """Raise InvalidInput (``invalid_parameter``) for what is not written as ``#rrggbb``."""
    if not _COLOUR.fullmatch(colour):
        raise InvalidInput(
            "invalid_parameter",
            f"{name} must be written as #rrggbb; got {colour!r}.",
            param=name,
            fix=f"Send {name}=#f2efe9.",
        )
