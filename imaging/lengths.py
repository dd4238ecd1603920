"""Lengths as a client writes them: a share of a side or a number of pixels."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

_WRITTEN = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9})\s*(?P<unit>%|px)?")


@dataclass(frozen=True, slots=True)
class Length:
    """A length: ``value`` is a share of the side it lies along (ratio), or pixels (px)."""

    value: float
    unit: Literal["ratio", "px"]

    def __post_init__(self) -> None:
        """Refuse, with ValueError, what is not a finite length of at least 0."""
        if not math.isfinite(self.value) or self.value < 0:
            raise ValueError(f"not a length: {self.value}")
        if self.unit not in {"ratio", "px"}:
            raise ValueError(f"not a unit of length: {self.unit}")

    @classmethod
    def parse(cls, written: str | float) -> "Length":
        """Read ``0.08``, ``"0.08"``, ``"8%"`` or ``"80px"``; raises ValueError for anything else.

        Equal wishes become equal values: "8%" and 0.08 are one length. Range is not judged here.
        """
        match = _WRITTEN.fullmatch(_plain(written))
        if match is None:
            raise ValueError(f"not a length: {written!r}")
        number = Decimal(match["number"])
        if match["unit"] == "px":
            return cls(float(number), "px")
        return cls(float(number / 100 if match["unit"] == "%" else number), "ratio")

    def in_px(self, side_px: int) -> float:
        """The length in pixels along a side of ``side_px`` pixels."""
        return self.value * side_px if self.unit == "ratio" else self.value

    def to_json(self) -> str:
        """The one way this length is written in a stored recipe: ``0.08`` or ``80px``."""
        number = f"{self.value:.9f}".rstrip("0").rstrip(".")
        return f"{number}px" if self.unit == "px" else number


@dataclass(frozen=True, slots=True)
class Margins:
    """The room left free between the subject and each side of the canvas."""

    top: Length
    right: Length
    bottom: Length
    left: Length

    @classmethod
    def all_sides(cls, length: Length) -> "Margins":
        """The same margin on every side."""
        return cls(top=length, right=length, bottom=length, left=length)

    def to_dict(self) -> dict[str, str]:
        """The margins as JSON-native data; ``from_dict`` turns it back."""
        return {side: getattr(self, side).to_json() for side in ("top", "right", "bottom", "left")}

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> "Margins":
        """Read what ``to_dict`` wrote; raises ValueError or TypeError for other data."""
        return cls(**{side: Length.parse(written) for side, written in members.items()})


def _plain(written: str | float) -> str:
    """The written length as text without exponent; bool, NaN and infinity stay unreadable."""
    if isinstance(written, bool):
        return ""
    if isinstance(written, int | float):
        return f"{written:.9f}" if math.isfinite(written) else ""
    return written.strip()
