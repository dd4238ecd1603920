"""Where the backdrop shows through the subject's mask: a handle, leaves, the gap between legs.

A bright pixel alone tells nothing: a white label is as light as the backdrop behind it. So every
bright part is judged whole. The typical colour of hundreds of pixels is known to a fraction of a
level: a gap has the backdrop's hue to 0.2 % where the surface is well known, while cream paper is
2 to 8 % off; and a gap is no lighter than the backdrop, nor darker than the shade beside it.
"""

import cv2
import numpy as np

from imaging.channels import lightness, tint
from imaging.work import Backdrop, Mask, Plane, Silhouette

# What a pixel of such a part may be; the part itself is judged more narrowly. Spread of the
# channels, with what each unit of shade adds, and how much lighter than the backdrop.
_PIXEL_HUE, _SHADE_HUE, _PIXEL_LIGHTER = 0.02, 0.10, 0.03
# The more colourful the backdrop, the more colour is in its shade.
_CAST_HUE = 0.3
# How far the typical spread and light of a gap may be off. The noise is what the surface misses,
# and so are these: it was fitted around the subject, not behind it.
_HUE, _LIGHT, _NOISE = 0.008, 0.012, 1.2
# Of a part that is one or two pixels wide: half of each is the product's outline.
_THIN_LIGHT = 0.03
# From how light a pixel may be a gap: a little below the shade beside the subject, but not deeper.
_BELOW_SHADE, _LIGHTEST_FLOOR, _DARKEST_FLOOR = 0.03, 0.93, 0.80
# The shade beside the subject, from near it where there is any, else from further away.
_SHADE_REACH = ((6.0, 1.0), (16.0, 1e-2), (40.0, 1e-4))
# Pixels around which a part is wide enough to tell its colour.
_LEAST_CORE = 9
_SQUARE = np.ones((3, 3), np.uint8)


def holes(probe: Plane, backdrop: Backdrop, silhouette: Silhouette) -> Mask:
    """Where the backdrop shows through the subject's mask, (h, w), on the probe."""
    subject = silhouette.mask
    noise = backdrop.sigma / float(backdrop.surface.mean())
    ratio = cv2.GaussianBlur(probe / backdrop.surface, (0, 0), 0.6)
    light = lightness(ratio)
    shade = _shade_beside(light, subject)
    floor = np.clip(shade - _BELOW_SHADE, _DARKEST_FLOOR, _LIGHTEST_FLOOR)
    allowed = _PIXEL_HUE + _hue_of_shade(light, backdrop) + 2.5 * noise
    bright = subject & (tint(ratio) < allowed)
    bright &= (light > floor) & (light < 1 + _PIXEL_LIGHTER + 2 * noise)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        bright.astype(np.uint8), connectivity=4
    )
    core = cv2.erode(bright.astype(np.uint8), _SQUARE) > 0
    is_hole = np.zeros(count, bool)
    for part in range(1, count):
        left, top, width, height, _ = stats[part]
        window = slice(top, top + height), slice(left, left + width)
        inside = labels[window] == part
        wide = inside & core[window]
        is_wide = int(wide.sum()) >= _LEAST_CORE
        colour = np.median(ratio[window][wide if is_wide else inside], axis=0)
        darkest = float(np.median(shade[window][inside]))
        limit = (_LIGHT if is_wide else _THIN_LIGHT) + _NOISE * noise
        is_hole[part] = _is_backdrop(colour, backdrop, noise=noise, darkest=darkest, limit=limit)
    found: Mask = is_hole[labels]
    return found


def _is_backdrop(
    colour: Plane, backdrop: Backdrop, *, noise: float, darkest: float, limit: float
) -> bool:
    """Whether a part's typical colour is the backdrop's, in the shade that is beside it or less."""
    light = float(colour.mean())
    off = max(light - 1, min(darkest, 1) - light, 0.0)
    hue = _HUE + float(_hue_of_shade(colour.mean(), backdrop)) + _NOISE * noise
    # Both together: what is nearly too yellow and nearly too dark is paper.
    return float(np.hypot((colour.max() - colour.min()) / hue, off / limit)) < 1


def _hue_of_shade(light: Plane, backdrop: Backdrop) -> Plane:
    """How far the channels may lie apart for no other reason than that the light is less."""
    depth: Plane = np.clip(1 - light, 0, 1)
    return (_SHADE_HUE + _CAST_HUE * backdrop.tint) * depth


def _shade_beside(light: Plane, subject: Mask) -> Plane:
    """The light (share of the backdrop's, at most 1) that falls beside the subject, everywhere."""
    beside = (cv2.dilate(subject.astype(np.uint8), _SQUARE) == 0).astype(np.float32)
    lit = np.minimum(light, 1) * beside
    total, weight = np.zeros_like(light), np.full_like(light, 1e-9)
    for reach, share in _SHADE_REACH:
        total += share * cv2.GaussianBlur(lit, (0, 0), reach)
        weight += share * cv2.GaussianBlur(beside, (0, 0), reach)
    shade: Plane = np.where(weight > 1e-8, total / weight, 1).astype(np.float32)  # noqa: PLR2004
    return shade
