"""Take a cast shadow out of the subject's mask, where its outline gives it away.

A cast shadow with an outline of its own stops the flood of ``isolate``. Its inside looks like a
grey product: neutral, even, darker than the backdrop. The outline tells them apart: between a
shadow and the backdrop lies a penumbra almost everywhere, between a product and the backdrop
almost nowhere. On the real photos that this was tuned on (at a softness of 0.3), 0 to 21 % of a
shadow's outline was hard, and 38 to 100 % of a neutral product part's. A hard shadow in plain sun
cannot be told and stays, and a grey product whose shadow is as grey may lose or win a part.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.channels import lightness, tint
from imaging.work import Backdrop, Decoded, Mask, Plane, Silhouette, Work

# Looked at twice as fine as the probe, where an outline is steep and a penumbra is not.
_FINE = 2
_MARGIN = 6
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
# A part that meets the frame along this share of the longer side is floor or wall.
_FLOOR_CONTACT = 0.08
# What remains must be a subject, not crumbs.
_LEAST_REST = 0.12


def drop_shadow(work: Work) -> None:
    """Remove the parts of ``silhouette.mask`` that are cast shadow, and tighten its box."""
    found, backdrop, decoded = work.silhouette, work.backdrop, work.decoded
    if found is None or backdrop is None or decoded is None or found.engine != "flatfield":
        return
    window = _window(found.mask)
    inside = found.mask[window]
    pixels = _fine(decoded, window, found.mask.shape)
    size = pixels.shape[1], pixels.shape[0]
    mask = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    surface = cv2.resize(np.ascontiguousarray(backdrop.surface[window]), size)
    frame = _frame(window, found.mask.shape, mask.shape)
    dropped, hard, neutral = _shadow_parts(pixels / surface, mask, backdrop, frame=frame)
    if not dropped.any():
        return
    rest = _without_crumbs((mask > 0) & ~dropped, dropped, hard=hard, neutral=neutral)
    if rest.sum() < _LEAST_REST * mask.sum():
        return
    coarse = cv2.resize(rest, inside.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    kept = np.zeros_like(found.mask)
    kept[window] = coarse & inside
    work.silhouette = _with_mask(found, kept, work)


def _window(mask: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, rows[0] - _MARGIN), min(mask.shape[0], rows[-1] + 1 + _MARGIN)),
        slice(max(0, columns[0] - _MARGIN), min(mask.shape[1], columns[-1] + 1 + _MARGIN)),
    )


def _fine(decoded: Decoded, window: tuple[slice, slice], shape: tuple[int, ...]) -> Plane:
    """The window's pixels at twice the probe's scale."""
    height, width = decoded.pixels.shape[:2]
    down, across = height / shape[0], width / shape[1]
    part = decoded.pixels[
        round(window[0].start * down) : round(window[0].stop * down),
        round(window[1].start * across) : round(window[1].stop * across),
    ]
    # Every n-th row is enough for a mean, as for the probe itself.
    part = part[:: max(1, int(down / _FINE / 3))]
    size = (
        (window[1].stop - window[1].start) * _FINE,
        (window[0].stop - window[0].start) * _FINE,
    )
    small = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA)
    fine: Plane = small.astype(np.float32)
    return fine


def _shadow_parts(
    ratio: Plane, mask: Mask, backdrop: Backdrop, *, frame: Mask
) -> tuple[Mask, Mask, Mask]:
    """The cast shadows in the mask, with their penumbra; what is hard; what may be their rim."""
    ratio = cv2.GaussianBlur(ratio, (0, 0), 0.7)
    light = lightness(ratio)
    neutral = _is_neutral(ratio, light, backdrop)
    slope, faintest = _slopes(light, mask)
    depth = np.clip(1 - light, 0, 1)
    hard = (slope >= faintest + np.minimum(_SOFTNESS * depth, _STEEPEST)) | ~neutral
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
        if float((rest.astype(bool) & ~shadows).sum()) > _LEAST_REST * float(mask.sum()):
            dropped = shadows
    # The rim of a shadow is light; what is thin and deep is a part of the product.
    return dropped, hard, neutral & ~stems & (light > _RIM_LIGHT)


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
        shadows = np.zeros(self.outline.shape, bool)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(even)
        for part in range(1, count):
            inside = labels == part
            if stats[part, cv2.CC_STAT_AREA] < self.least:
                continue
            mean = float(self.light[inside].mean())
            if mean < _DARKEST_MEAN:
                continue
            if self._is_floor(inside) or (
                mean < _LIGHTEST_MEAN and self._is_soft(inside, near_hard)
            ):
                shadows |= cv2.dilate(inside.astype(np.uint8), _square(9)) > 0
        return shadows

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


def _frame(window: tuple[slice, slice], shape: tuple[int, ...], size: tuple[int, ...]) -> Mask:
    """The pixels of the window that lie on the photo's own edge."""
    frame = np.zeros(size, bool)
    frame[0] |= window[0].start == 0
    frame[-1] |= window[0].stop == shape[0]
    frame[:, 0] |= window[1].start == 0
    frame[:, -1] |= window[1].stop == shape[1]
    return frame


def _without_crumbs(rest: Mask, dropped: Mask, *, hard: Mask, neutral: Mask) -> Mask:
    """What is left of the mask, without the thin remains of the outlines of dropped shadows.

    What is thin elsewhere (a strap, a stem) or has a colour stays, and so does what is hard beside
    the core: the product's own foot.
    """
    plain = rest.astype(np.uint8)
    core = cv2.morphologyEx(plain, cv2.MORPH_OPEN, _disc(15))
    foot = cv2.dilate(core, _disc(5)) & hard.astype(np.uint8)
    far = 1 - cv2.dilate(dropped.astype(np.uint8), _disc(31))
    coloured = cv2.morphologyEx((~neutral).astype(np.uint8), cv2.MORPH_OPEN, _square(3))
    left: Mask = plain & (core | foot | far | coloured)
    return left


def _slopes(light: Plane, mask: Mask) -> tuple[Plane, float]:
    """The slope of the light, and what the backdrop's own texture makes of it."""
    x, y = (cv2.Scharr(light, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    slope: Plane = np.hypot(x, y) / 32
    around = slope[mask == 0]
    usual = float(np.median(around)) if len(around) else 0.0
    return slope, max(_FAINTEST_SLOPE, 4 * usual)


def _is_neutral(ratio: Plane, light: Plane, backdrop: Backdrop) -> Mask:
    darkest, lightest = _SHADOW_LIGHT
    allowed = 0.04 + (0.10 + 0.3 * backdrop.tint) * np.clip(1 - light, 0, 1)
    neutral: Mask = tint(ratio) < allowed + 2.5 * backdrop.sigma / 255
    return neutral & (light > darkest) & (light < lightest)


def _with_mask(found: Silhouette, mask: Mask, work: Work) -> Silhouette:
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    across, down = work.header.width_px / width, work.header.height_px / height
    left, right = int(columns[0]), int(columns[-1]) + 1
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    touched = {
        "left": left == 0,
        "right": right == width,
        "top": top == 0,
        "bottom": bottom == height,
    }
    return Silhouette(
        mask=mask,
        box=(left * across, top * down, (right - left) * across, (bottom - top) * down),
        confidence=found.confidence,
        engine=found.engine,
        cropped=tuple(side for side in found.cropped if touched[side]),
    )


def _square(size: int) -> Mask:
    return np.ones((size, size), np.uint8)


def _disc(size: int) -> Mask:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
