"""The measured facts of a picture: what the rules of marketplaces are judged by."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from imaging.header import Profile
from imaging.rendered import Box
from imaging.work import BackdropKind

ColourSpace = Literal["rgb", "grey", "cmyk"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured of one picture; every share is 0–1 and rounded to four places.

    Sides are those of the upright picture, in pixels. ``colour_profile`` says whether an embedded
    profile names itself sRGB, ``jpeg_quality`` (1–100) is estimated from the quantization tables,
    None for what is no JPEG. ``transparent_share`` is the share of pixels that are not opaque.

    ``border_*`` are over a frame of 2 % of the shorter side, ``background_*`` over all that is not
    the subject nor within 2 of 320 parts of the longer side from its outline, where anti-aliasing
    and the blocks of JPEG mix both. ``*_pure_share`` counts pixels of exactly 255, 255, 255 that
    are opaque, ``*_light_share`` those of at least 250 in each channel. Both are over the border
    alone where no one backdrop is seen, and ``background_*`` are None where there is nothing but
    subject. ``background_spread`` is the level by which 95 % of the backdrop stay within its
    median colour. A picture of more than ``measure.MOST_PIXELS`` is measured shrunk.

    The subject's members are None where none stands out. ``subject_box`` is left, top, width,
    height in pixels, ``subject_confidence`` 0–1. The three fills are the box's share of the frame
    along the side where it takes most, the box's share of the area, and the share of the area
    within the outline. ``sharpness`` is the variance of the Laplacian inside the subject (or the
    picture), at 1000 pixels a side.
    """

    format: str
    width_px: int
    height_px: int
    size_bytes: int
    pages: int
    bit_depth: int
    colour_space: ColourSpace
    colour_profile: Profile
    jpeg_quality: int | None
    transparent_share: float
    border_pure_share: float
    border_light_share: float
    background_kind: BackdropKind
    background_pure_share: float | None
    background_light_share: float | None
    background_spread: float
    subject_box: Box | None
    subject_confidence: float | None
    fill_longest: float | None
    fill_box: float | None
    fill_outline: float | None
    touches_edge: bool | None
    sharpness: float

    @property
    def longest_side_px(self) -> int:
        """The longer side."""
        return max(self.width_px, self.height_px)

    @property
    def shortest_side_px(self) -> int:
        """The shorter side."""
        return min(self.width_px, self.height_px)

    @property
    def megapixels(self) -> float:
        """Million pixels."""
        return self.width_px * self.height_px / 1e6

    @property
    def aspect(self) -> float:
        """The longer side ÷ the shorter one: 1 is square."""
        return self.longest_side_px / self.shortest_side_px

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON-native data."""
        box = None if self.subject_box is None else list(self.subject_box)
        return asdict(self) | {"subject_box": box}
