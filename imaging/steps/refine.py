"""Move each side of the subject's box to where the subject really ends, on finer pixels.

The probe knows a side to 0.3 % of the frame at best, and takes the darkest rim of a contact shadow
for the product's foot. A strip along each side is looked at four times as fine (0.08 % of the
frame) with the same idea: flood from outside, pass what is soft, stop at what is steep. At this
scale a contact shadow is soft and an outline is not.
"""

from functools import partial

import cv2
import numpy as np

from imaging.channels import lightness, tint
from imaging.rendered import Box
from imaging.strips import FINE, INWARD, OUTWARD, cut, strip_along
from imaging.work import Backdrop, Decoded, Mask, Plane, Silhouette, Work

# As in isolate, per strip pixel: a contact shadow decays over at least 0.6 % of the frame.
_SOFTNESS = 0.125
_STEEPEST = 0.06
_OUTLINE = 0.25
_FAINTEST_SLOPE = 0.006
_DEEPEST_SHADOW = 0.15
_BRIGHTEST_SPOT = 1.2
_FULL_ALPHA = 128
# Strip pixels from the foot of an outline to its middle, at most.
_OUTLINE_PX = 6
# Strips looked at, one behind the other, until an outline is met.
_STRIPS = 3
# Fewer strip pixels that hang together are noise.
_SPECK_PX = 8
_SIDES = ("left", "top", "right", "bottom")


def refine(work: Work) -> None:
    """Sharpen ``silhouette.box``; a side that the frame cuts is exact already."""
    found, decoded, backdrop = work.silhouette, work.decoded, work.backdrop
    if found is None or decoded is None or backdrop is None:
        return
    moved = {
        side: _moved(side, found, decoded=decoded, backdrop=backdrop)
        for side in _SIDES
        if side not in found.cropped
    }
    rough, found.box = found.box, _with_sides(found.box, moved)
    work.plan["box"] = {
        "rough": [round(part, 1) for part in rough],
        "refined": [round(part, 1) for part in found.box],
    }


def _with_sides(box: Box, moved: dict[str, float]) -> Box:
    left, top = moved.get("left", box[0]), moved.get("top", box[1])
    right = moved.get("right", box[0] + box[2])
    bottom = moved.get("bottom", box[1] + box[3])
    if right - left < 1 or bottom - top < 1:
        return box
    return left, top, right - left, bottom - top


def _moved(side: str, found: Silhouette, *, decoded: Decoded, backdrop: Backdrop) -> float:
    """The place of one side in source pixels; the rough one where nothing sharper is seen.

    Every strip is turned so that outside is up: one way of looking, four uses. Where a strip holds
    only shadow, the next one further in is looked at.
    """
    grown = cv2.dilate(found.mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    for number in range(_STRIPS):
        strip = strip_along(side, found, decoded, inward=number * (INWARD - 1))
        cut_out = partial(cut, strip=strip, side=side)
        if decoded.alpha is not None and found.engine == "alpha":
            subject, slope = _opaque(cut_out(decoded.alpha, how=cv2.INTER_AREA)), None
        else:
            pixels = cut_out(decoded.pixels, how=cv2.INTER_AREA).astype(np.float32)
            surface = cut_out(backdrop.surface, how=cv2.INTER_LINEAR)
            noise = backdrop.sigma / 255
            subject, slope = _outlines(pixels / surface, noise=noise, cast=backdrop.tint)
        subject = _without_specks(subject & (cut_out(grown, how=cv2.INTER_NEAREST) > 0))
        rows = np.flatnonzero(subject.any(axis=1))
        if len(rows) and (rows[0] > 0 or number > 0):
            end = float(rows[0]) if slope is None else _steepest(subject, slope, row=int(rows[0]))
            return strip.first + end / len(subject) * (strip.last - strip.first)
        if len(rows):
            break
    return strip_along(side, found, decoded, inward=0).rough


def _without_specks(subject: Mask) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(subject.astype(np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] >= _SPECK_PX
    large[0] = False
    kept: Mask = large[labels]
    return kept


def _opaque(alpha: Plane) -> Mask:
    opaque: Mask = (alpha >= min(_FULL_ALPHA, float(alpha.max()) / 2)) & (alpha > 0)
    return opaque


def _outlines(ratio: Plane, *, noise: float, cast: float) -> tuple[Mask, Plane]:
    """The outlines and other hues that a flood from above does not reach, and the slopes."""
    ratio = cv2.GaussianBlur(ratio, (0, 0), 0.8)
    light = lightness(ratio)
    slope = _slope(light)
    depth = np.clip(1 - light, 0, 1)
    usual = float(np.median(slope[: FINE * OUTWARD // 2]))
    faintest = max(_FAINTEST_SLOPE, 4 * usual)
    neutral = tint(ratio) < 0.05 + (0.10 + 0.3 * cast) * depth + 2.5 * noise
    neutral &= (light > _DEEPEST_SHADOW) & (light < _BRIGHTEST_SPOT)
    soft = slope < faintest + np.minimum(_SOFTNESS * depth, _STEEPEST)
    # A wedge of shadow that the flood found no way into is soft all over; an outline is not.
    outlined = slope > faintest + np.minimum(_OUTLINE * depth, 2 * _STEEPEST)
    return ~_flooded_from_above(soft & neutral) & (outlined | ~neutral), slope


def _steepest(subject: Mask, slope: Plane, *, row: int) -> float:
    """Where an outline whose outer foot lies at ``row`` is steepest: there the subject ends."""
    columns = subject[row : row + 2].any(axis=0)
    profile = slope[row : row + _OUTLINE_PX, columns]
    return row + float(profile.argmax(axis=0).min()) + 0.5


def _slope(light: Plane) -> Plane:
    x, y = (cv2.Scharr(light, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    slope: Plane = np.hypot(x, y) / 32
    return slope


def _flooded_from_above(passable: Mask) -> Mask:
    plain = passable.astype(np.uint8)
    framed = cv2.copyMakeBorder(plain, 2, 0, 0, 0, cv2.BORDER_CONSTANT, value=[1])
    square = np.ones((3, 3), np.uint8)
    _, labels = cv2.connectedComponents(cv2.erode(framed, square), connectivity=4)
    water = (labels == labels[0, labels.shape[1] // 2]).astype(np.uint8)
    reached: Mask = (cv2.bitwise_and(cv2.dilate(water, square), framed))[2:] > 0
    return reached
