"""The recipe of the operation ``upscale``: a picture made larger, and nothing else about it."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from domain.errors import InvalidInput
from imaging.checks import FORMATS, QUALITY, SIDE_PX, hash_of, require_range, require_word
from imaging.recipe import OutputFormat

Mode = Literal["auto", "photo", "text", "pixel"]
MODES: tuple[Mode, ...] = ("auto", "photo", "text", "pixel")
FACTOR = (1.5, 4.0)
_HASH_VERSION = 1


@dataclass(frozen=True, slots=True)
class UpscaleRecipe:
    """How much larger the picture shall be, and how its edges are treated.

    Either ``factor`` (1.5–4), or the sides (16–10,000) that the enlarged picture fits in; its
    proportions stay. ``mode`` is ``photo``, ``text`` (harder edges), ``pixel`` (every pixel a
    square) or ``auto``, which looks. ``quality`` (1–100) is for JPEG and WebP.

    Construction raises InvalidInput (``factor_out_of_range``, ``invalid_parameter``, …).
    """

    operation: ClassVar[str] = "upscale"

    factor: float | None = None
    target_width_px: int | None = None
    target_height_px: int | None = None
    mode: Mode = "auto"
    output_format: OutputFormat = "jpeg"
    quality: int = 92

    def __post_init__(self) -> None:
        """Refuse what says nothing, or two things at once."""
        has_target = self.target_width_px is not None or self.target_height_px is not None
        if has_target == (self.factor is not None):
            raise InvalidInput(
                "invalid_parameter",
                "Say either factor or targetWidth and targetHeight, not both."
                if has_target
                else "Say a factor, or a targetWidth or targetHeight.",
                param="factor",
                fix="Send factor=2 alone.",
            )
        if self.factor is not None:
            require_range("factor", self.factor, FACTOR)
        if self.target_width_px is not None:
            require_range("targetWidth", self.target_width_px, SIDE_PX)
        if self.target_height_px is not None:
            require_range("targetHeight", self.target_height_px, SIDE_PX)
        require_range("quality", self.quality, QUALITY)
        require_word("mode", self.mode, MODES)
        require_word("format", self.output_format, FORMATS)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-native data; ``from_dict`` turns it back."""
        return {
            "factor": self.factor,
            "targetWidth": self.target_width_px,
            "targetHeight": self.target_height_px,
            "mode": self.mode,
            "format": self.output_format,
            "quality": self.quality,
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> "UpscaleRecipe":
        """Read what ``to_dict`` wrote."""
        return cls(
            factor=members["factor"],
            target_width_px=members["targetWidth"],
            target_height_px=members["targetHeight"],
            mode=members["mode"],
            output_format=members["format"],
            quality=members["quality"],
        )

    @property
    def recipe_hash(self) -> str:
        """Hex SHA-256 over what decides the pixels; the quality of a PNG does not."""
        members = self.to_dict() | {"operation": self.operation, "version": _HASH_VERSION}
        if self.output_format == "png":
            del members["quality"]
        return hash_of(members)
