"""Take a cast shadow out of the subject's mask, where its outline gives it away.

A cast shadow with an outline of its own stops the flood of ``isolate``. Its inside looks like a
grey product: neutral, even, darker than the backdrop. The outline tells them apart: between a
shadow and the backdrop lies a penumbra almost everywhere, between a product and the backdrop
almost nowhere. On the real photos that this was tuned on, 0 to 21 % of a shadow's outline is hard,
and 40 to 100 % of a neutral product part's; a hard shadow in plain sun cannot be told and stays.
"""

import cv2
import numpy as np

from imaging.work import Backdrop, Decoded, Mask, Plane, Silhouette, Work

# Looked at twice as fine as the probe, where an outline is steep and a penumbra is not.
_FINE = 2
_MARGIN = 6
# Slope per fine pixel that a penumbra may have at depth d: faintest + min(d * soft, steepest).
_SOFTNESS = 0.3
_STEEPEST = 0.12
_FAINTEST_SLOPE = 0.006
_SHADOW_LIGHT = (0.35, 1.03)
# A part of the mask counts from this share of it, and is a shadow up to these hard shares.
_LEAST_PART = 0.004
_HARD_OUTLINE = 0.30
_HARD_ZONE = 0.20
# What remains must be a subject, not crumbs.
_LEAST_REST = 0.3


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
    dropped, hard = _shadow_parts(pixels / surface, mask, backdrop)
    if not dropped.any():
        return
    core = ((mask > 0) & ~dropped).astype(np.uint8)
    # The penumbra went with the shadow, and so did the product's foot where the two meet: what is
    # hard and joins the core comes back, the crumbs of the shadow's own outline do not.
    core = cv2.morphologyEx(core, cv2.MORPH_OPEN, _disc(5))
    rest = core | (cv2.dilate(core, _disc(9)) & mask & hard.astype(np.uint8))
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


def _shadow_parts(ratio: Plane, mask: cv2.typing.MatLike, backdrop: Backdrop) -> tuple[Mask, Mask]:
    """The cast shadows in the mask, with their penumbra, and everything that is hard."""
    ratio = cv2.GaussianBlur(ratio, (0, 0), 0.7)
    light = ratio.mean(axis=2)
    depth = np.clip(1 - light, 0, 1)
    hard = _is_hard(light, depth, mask) | ~_is_neutral(ratio, light, backdrop)
    even = cv2.morphologyEx(
        ((mask > 0) & ~hard).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
    )
    near_hard = cv2.dilate(hard.astype(np.uint8), np.ones((5, 5), np.uint8))
    outline = (mask > 0) & (cv2.erode(mask, np.ones((3, 3), np.uint8)) == 0)
    dropped = np.zeros(mask.shape, bool)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(even)
    for part in range(1, count):
        if stats[part, cv2.CC_STAT_AREA] < _LEAST_PART * int(mask.sum()):
            continue
        reach = cv2.dilate((labels == part).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        own = outline & reach
        if own.sum() < 10:  # noqa: PLR2004 - it lies inside the subject
            continue
        zone = cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if near_hard[own].mean() < _HARD_OUTLINE and hard[zone].mean() < _HARD_ZONE:
            dropped |= reach
    return dropped, hard


def _is_hard(light: Plane, depth: Plane, mask: cv2.typing.MatLike) -> Mask:
    x, y = (cv2.Scharr(light, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    slope = np.hypot(x, y) / 32
    around = slope[mask == 0]
    usual = float(np.median(around)) if len(around) else 0.0
    faintest = max(_FAINTEST_SLOPE, 4 * usual)
    hard: Mask = slope >= faintest + np.minimum(_SOFTNESS * depth, _STEEPEST)
    return hard


def _is_neutral(ratio: Plane, light: Plane, backdrop: Backdrop) -> Mask:
    darkest, lightest = _SHADOW_LIGHT
    tint = ratio.max(axis=2) - ratio.min(axis=2)
    allowed = 0.04 + (0.10 + 0.3 * backdrop.tint) * np.clip(1 - light, 0, 1)
    neutral: Mask = tint < allowed + 2.5 * backdrop.sigma / 255
    return neutral & (light > darkest) & (light < lightest)


def _with_mask(found: Silhouette, mask: Mask, work: Work) -> Silhouette:
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    across, down = work.header.width_px / width, work.header.height_px / height
    left, right = int(columns[0]), int(columns[-1]) + 1
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    touched = {"left": left == 0, "right": right == width, "top": top == 0, "bottom": bottom == height}
    return Silhouette(
        mask=mask,
        box=(left * across, top * down, (right - left) * across, (bottom - top) * down),
        confidence=found.confidence,
        engine=found.engine,
        cropped=tuple(side for side in found.cropped if touched[side]),
    )


def _disc(size: int) -> cv2.typing.MatLike:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
