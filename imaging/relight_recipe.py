"""The recipe of the operation ``relight/shadow``: a subject on white with a shadow of its own."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from imaging.checks import FORMATS, QUALITY, hash_of, require_range, require_word
from imaging.lighting import Light, Shadow
from imaging.recipe import OutputFormat

EXPOSURE = (-2.0, 2.0)
_HASH_VERSION = 1


@dataclass(frozen=True, slots=True)
class RelightRecipe:
    """How the subject shall be lit; frame and size of the picture stay as they are.

    ``exposure`` is −2 to 2 stops, of the subject alone: the backdrop is white in any light.
    ``quality`` (1–100) is for JPEG and WebP.

    Construction raises InvalidInput (``exposure_out_of_range``, …).
    """

    operation: ClassVar[str] = "relight/shadow"

    shadow: Shadow = field(default_factory=Shadow)
    light: Light = field(default_factory=Light)
    exposure: float = 0.0
    output_format: OutputFormat = "jpeg"
    quality: int = 92

    def __post_init__(self) -> None:
        """Refuse what no picture can be made from."""
        require_range("exposure", self.exposure, EXPOSURE)
        require_range("quality", self.quality, QUALITY)
        require_word("format", self.output_format, FORMATS)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-native data; ``from_dict`` turns it back."""
        return {
            "shadow": self.shadow.to_dict(),
            "light": self.light.to_dict(),
            "exposure": self.exposure,
            "format": self.output_format,
            "quality": self.quality,
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> "RelightRecipe":
        """Read what ``to_dict`` wrote."""
        return cls(
            shadow=Shadow(**members["shadow"]),
            light=Light(**members["light"]),
            exposure=members["exposure"],
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
