"""Tell cast shadow from product in a mask: by the penumbra that lies along a shadow's outline.

Everything is on a window around the mask, at twice the probe's scale, where an outline is steep and
a penumbra is not. Light is a share of what the backdrop would show there.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.channels import lightness, strongest, tint
from imaging.work import Backdrop, Mask, Plane

# Slope per fine pixel that a penumbra may have at depth d: faintest + min(d * soft, steepest).
_SOFTNESS = 0.45
_STEEPEST = 0.16
_FAINTEST_SLOPE = 0.006
_SHADOW_LIGHT = (0.35, 1.08)
# Softness at which the mask is cut into even parts, one after the other.
_CUTS = (0.3, 0.12, 0.05, 0.3)
# A part of the mask counts from this share of it, and is a shadow up to these hard shares.
_LEAST_PART = 0.004
_HARD_OUTLINE = 0.30
_HARD_ZONE = 0.20
# A darker part is a product's: the shadows that were tuned on keep 0.6 to 0.95 of the light.
_DARKEST_MEAN = 0.55
_LIGHTEST_MEAN = 0.98
# A stem is darker than both its sides by this, and this share of it is hard.
_STEM_DEPTH, _STEM_HARDNESS = 0.12, 0.4
_RIM_LIGHT = 0.7
# The spread of the channels, as a share of the strongest, below which a pixel is pale.
_PALE = 0.25
# A part that meets the frame along this share of the longer side is floor or wall.
_FLOOR_CONTACT = 0.08
# What remains must be a subject, not crumbs.
LEAST_REST = 0.12


@dataclass(frozen=True, slots=True)
class Parts:
    """What a mask is made of.

    ``dropped`` marks the cast shadows in it with their penumbra, ``hard`` what is too steep or too
    colourful for a shadow, ``pale`` what is neither dark nor colourful, ``edges`` what differs from
    the backdrop by more than its light, or steeply. ``rim`` may be left over of a shadow's rim.
    """

    dropped: Mask
    hard: Mask
    pale: Mask
    edges: Mask
    rim: Mask


def part(ratio: Plane, mask: Mask, backdrop: Backdrop, *, frame: Mask) -> Parts:
    """Find the cast shadows in a mask; ``ratio`` is picture ÷ backdrop, ``frame`` its own edge."""
    ratio = cv2.GaussianBlur(ratio, (0, 0), 0.7)
    light = lightness(ratio)
    dark, bright = light <= _SHADOW_LIGHT[0], light >= _SHADOW_LIGHT[1]
    grey = _is_grey(ratio, light, backdrop)
    neutral = grey & ~dark & ~bright
    slope, faintest = _slopes(light, mask)
    depth = np.clip(1 - light, 0, 1)
    steep = slope >= faintest + np.minimum(_SOFTNESS * depth, _STEEPEST)
    hard = steep | ~neutral
    dropped = np.zeros(mask.shape, bool)
    # A grey product and its shadow are parted by a faint edge only; the last cut finds that, and
    # the first finds shadows that are themselves steep. What a cut leaves over has a new outline.
    stems = _stems(light, hard)
    for softness in _CUTS:
        rest = ((mask > 0) & ~dropped).astype(np.uint8)
        outline = (rest > 0) & (cv2.erode(rest, _square(3)) == 0)
        even = neutral & (slope < faintest + np.minimum(softness * depth, _STEEPEST))
        parts = cv2.morphologyEx(rest & even.astype(np.uint8), cv2.MORPH_OPEN, _square(3))
        judge = _Judge(outline, hard, frame, light, least=_LEAST_PART * float(mask.sum()))
        shadows = dropped | judge.shadows(parts)
        # A cut that takes nearly everything did not part the product from its shadow.
        shadows &= ~stems
        if float((rest.astype(bool) & ~shadows).sum()) > LEAST_REST * float(mask.sum()):
            dropped = shadows
    # The rim of a shadow is light; what is thin and deep is a part of the product.
    pale = ~dark & (tint(ratio) < _PALE * strongest(ratio))
    rim = neutral & ~stems & (light > _RIM_LIGHT)
    return Parts(dropped, hard, pale, edges=steep | ~grey | dark, rim=rim)


def _stems(light: Plane, hard: Mask) -> Mask:
    """Thin dark parts with a hard outline: a stem or a strap, which no shadow may take along."""
    ridge = cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, _disc(11)) > _STEM_DEPTH
    count, labels = cv2.connectedComponents(ridge.astype(np.uint8))
    area = np.bincount(labels.ravel(), minlength=count)
    share = np.bincount(labels[hard], minlength=count) / np.maximum(area, 1)
    stems: Mask = ridge & (share > _STEM_HARDNESS)[labels]
    return cv2.dilate(stems.astype(np.uint8), _square(3)) > 0


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges even parts of the mask: which are shadow, or floor, and not product."""

    outline: Mask
    hard: Mask
    frame: Mask
    light: Plane
    least: float

    def shadows(self, even: Mask) -> Mask:
        """The even parts that are shadow, with what lies around them up to their outline."""
        near_hard = cv2.dilate(self.hard.astype(np.uint8), _square(5)) > 0
        shadows, others = (np.zeros(self.outline.shape, bool) for _ in range(2))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(even)
        for part in range(1, count):
            inside = labels == part
            if stats[part, cv2.CC_STAT_AREA] < self.least:
                continue
            mean = float(self.light[inside].mean())
            is_soft = mean < _LIGHTEST_MEAN and self._is_soft(inside, near_hard)
            if mean >= _DARKEST_MEAN and (self._is_floor(inside) or is_soft):
                shadows |= cv2.dilate(inside.astype(np.uint8), _square(9)) > 0
            else:
                others |= inside
        return shadows & ~others

    def _is_floor(self, inside: Mask) -> bool:
        """Whether the part runs into a good share of the frame, as floors do."""
        return float((inside & self.frame).sum()) > _FLOOR_CONTACT * float(max(inside.shape))

    def _is_soft(self, inside: Mask, near_hard: Mask) -> bool:
        """Whether the outline beside the part is soft nearly everywhere."""
        own = self.outline & (cv2.dilate(inside.astype(np.uint8), _square(9)) > 0)
        if own.sum() < 10:  # noqa: PLR2004 - it lies inside the subject
            return False
        zone = cv2.dilate(own.astype(np.uint8), _square(3)) > 0
        outline, around = float(near_hard[own].mean()), float(self.hard[zone].mean())
        is_soft: bool = outline < _HARD_OUTLINE and around < _HARD_ZONE
        return is_soft


def _slopes(light: Plane, mask: Mask) -> tuple[Plane, float]:
    """The slope of the light, and what the backdrop's own texture makes of it."""
    x, y = (cv2.Scharr(light, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    slope: Plane = np.hypot(x, y) / 32
    around = slope[mask == 0]
    usual = float(np.median(around)) if len(around) else 0.0
    return slope, max(_FAINTEST_SLOPE, 4 * usual)


def _is_grey(ratio: Plane, light: Plane, backdrop: Backdrop) -> Mask:
    """Whether the hue is the backdrop's; the deeper a shadow, the more it may have of another."""
    allowed = 0.04 + (0.10 + 0.3 * backdrop.tint) * np.clip(1 - light, 0, 1)
    grey: Mask = tint(ratio) < allowed + 2.5 * backdrop.sigma / 255
    return grey


def _square(size: int) -> Mask:
    return np.ones((size, size), np.uint8)


def _disc(size: int) -> Mask:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
