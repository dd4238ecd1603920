"""The recipe: everything that decides an output's pixels, and nothing else."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from domain.errors import InvalidInput
from imaging.checks import FORMATS, QUALITY, SIDE_PX, hash_of, require_range, require_word
from imaging.lengths import Length, Margins

__all__ = ["Anchor", "Background", "Length", "Margins", "OutputFormat", "Recipe", "Shadow"]

OutputFormat = Literal["jpeg", "png", "webp"]
Background = Literal["white", "keep"]
Shadow = Literal["keep", "none"]
Anchor = Literal[
    "center", "top", "bottom", "left", "right",
    "top-left", "top-right", "bottom-left", "bottom-right",
]  # fmt: skip

TARGET_FILL = (0.1, 1.0)
LARGEST_MARGIN_RATIO = 0.49
_BACKGROUNDS = ("white", "keep")
_SHADOWS = ("keep", "none")
_ANCHORS: tuple[str, ...] = Anchor.__args__  # type: ignore[attr-defined] # a Literal lists its words there
# Raised when the meaning of a member changes, so that old hashes never name new pixels.
_HASH_VERSION = 1


def _default_margins() -> Margins:
    return Margins.all_sides(Length(0.08, "ratio"))


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the packshot shall be: the recipe of the operation ``process``.

    ``width_px`` and ``height_px`` (16–10,000) are the canvas. ``margins`` stay free around the
    subject: ratios 0–0.49 of the canvas' width (left, right) or height (top, bottom), or pixels.
    ``target_fill`` (0.1–1, None: margins decide) is the share of the canvas that the subject's
    limiting side takes; it replaces the margins. ``anchor`` says where the subject rests in the
    room that is left. ``quality`` (1–100) is for JPEG and WebP. ``shadow`` none makes everything
    around the subject white, where the backdrop becomes white; keep leaves the natural shadow.

    Construction raises InvalidInput (``width_out_of_range``, ``margin_out_of_range``, …).
    """

    operation: ClassVar[str] = "process"

    width_px: int = 2000
    height_px: int = 2000
    margins: Margins = field(default_factory=_default_margins)
    output_format: OutputFormat = "jpeg"
    quality: int = 92
    background: Background = "white"
    target_fill: float | None = None
    anchor: Anchor = "center"
    shadow: Shadow = "keep"

    def __post_init__(self) -> None:
        """Refuse what no picture can be made from."""
        require_range("width", self.width_px, SIDE_PX)
        require_range("height", self.height_px, SIDE_PX)
        require_range("quality", self.quality, QUALITY)
        if self.target_fill is not None:
            require_range("target_fill", self.target_fill, TARGET_FILL)
        require_word("format", self.output_format, FORMATS)
        require_word("background", self.background, _BACKGROUNDS)
        require_word("anchor", self.anchor, _ANCHORS)
        require_word("shadow", self.shadow, _SHADOWS)
        self._refuse_margins_without_room()

    def _refuse_margins_without_room(self) -> None:
        m = self.margins
        for side in ("top", "right", "bottom", "left"):
            length: Length = getattr(m, side)
            if length.unit == "ratio" and length.value > LARGEST_MARGIN_RATIO:
                raise _margin_refusal(f"margin must be from 0 to 0.49; got {length.value:g}.")
        for name, side_px, ends in (
            ("width", self.width_px, (m.left, m.right)),
            ("height", self.height_px, (m.top, m.bottom)),
        ):
            taken_px = sum(end.in_px(side_px) for end in ends)
            if side_px - taken_px < 1:
                detail = (
                    f"The margins take {taken_px:g} of {side_px} pixels of the {name}, "
                    "which leaves no room for the subject."
                )
                raise _margin_refusal(detail)

    def inner_box(self) -> tuple[float, float, float, float]:
        """The room for the subject on the canvas: left, top, width, height in pixels."""
        if self.target_fill is not None:
            free = (1 - self.target_fill) / 2
            return (
                free * self.width_px,
                free * self.height_px,
                self.target_fill * self.width_px,
                self.target_fill * self.height_px,
            )
        m = self.margins
        left, top = m.left.in_px(self.width_px), m.top.in_px(self.height_px)
        width = self.width_px - left - m.right.in_px(self.width_px)
        height = self.height_px - top - m.bottom.in_px(self.height_px)
        return left, top, width, height

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-native data, canonical; ``from_dict`` turns it back.

        A shadow that is kept goes without saying: such recipes are older than the member, and so
        are their hashes.
        """
        shadow = {} if self.shadow == "keep" else {"shadow": self.shadow}
        return shadow | {
            "width": self.width_px,
            "height": self.height_px,
            "margins": self.margins.to_dict(),
            "format": self.output_format,
            "quality": self.quality,
            "background": self.background,
            "targetFill": self.target_fill,
            "anchor": self.anchor,
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> "Recipe":
        """Read what ``to_dict`` wrote; members that are missing take their defaults."""
        names = {"width": "width_px", "height": "height_px", "format": "output_format"}
        names["targetFill"] = "target_fill"
        fields = {names.get(name, name): value for name, value in members.items()}
        if "margins" in fields:
            fields["margins"] = Margins.from_dict(fields["margins"])
        return cls(**fields)

    @property
    def recipe_hash(self) -> str:
        """Hex SHA-256 over the canonical JSON of what decides the pixels; equal wishes, equal hash.

        The quality of a PNG and the margins under a target fill decide nothing and are left out.
        It names no operation, being older than the others, which all do.
        """
        members = self.to_dict() | {"version": _HASH_VERSION}
        if self.output_format == "png":
            del members["quality"]
        if self.target_fill is not None:
            del members["margins"]
        return hash_of(members)


def _margin_refusal(detail: str) -> InvalidInput:
    return InvalidInput(
        "margin_out_of_range",
        detail,
        param="margin",
        allowed={"min": 0, "max": LARGEST_MARGIN_RATIO},
        fix="Use margin=0.08 for 8 percent.",
    )
