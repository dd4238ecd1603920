"""Turn the backdrop white by a gain, and keep the natural shadow and the product's hues.

The gain is one smooth map (``imaging/gain.py``), multiplied into the canvas at once: 11 ms for four
megapixels. Where a coloured part would be brighter than white, it is darkened as a whole; cutting
off its strongest channel would turn its hue.
"""

import math

import cv2
import numpy as np

from imaging.bands import bands
from imaging.channels import strongest
from imaging.gain import coloured, gain_map
from imaging.work import Pixels, Placement, Plane, Work

# Levels above white, on the probe, from which the colours of a region are looked at one by one.
_CLIPPED = 2.0
# Less of a colour is the tint of a backdrop that has just become white.
_LEAST_COLOURED = 0.2
# Probe pixels around such a region that are looked at, too.
_REACH = 3


def whiten(work: Work) -> None:
    """Multiply the gain into ``canvas`` where the backdrop allows it."""
    backdrop, silhouette, placement = work.backdrop, work.silhouette, work.placement
    if backdrop is None or backdrop.kind != "white" or work.recipe.background != "white":
        return
    if silhouette is None or work.probe is None or placement is None or work.canvas is None:
        return
    ends = _ends(work, placement, silhouette.cropped)
    gain = gain_map(work.probe, backdrop, silhouette, ends=ends)
    rows, columns = _too_bright(work.probe * gain, work, placement)
    for top, band, over in bands(gain, work):
        inside = slice(max(0, rows.start - top), max(0, rows.stop - top)), columns
        lit = _lit(band[inside], over[inside])
        cv2.multiply(band, over, dst=band, dtype=cv2.CV_8U)
        band[inside] = lit
    work.plan["white"] = {"gain": [round(float(g), 3) for g in np.median(gain, axis=(0, 1))]}


def _lit(pixels: Pixels, gain: Plane) -> Pixels:
    """Pixels times gain; a colour that would be brighter than white becomes as bright as fits."""
    values = pixels * gain
    brightest = strongest(values)
    factor = 1 + coloured(values) * (np.minimum(1, 255 / np.maximum(brightest, 1)) - 1)
    lit: Pixels = np.clip(values * factor[..., None] + 0.5, 0, 255).astype(np.uint8)
    return lit


def _too_bright(lit: Plane, work: Work, placement: Placement) -> tuple[slice, slice]:
    """The rows and columns of the canvas that hold all coloured pixels brighter than white."""
    found = (strongest(lit) > 255 + _CLIPPED) & (coloured(lit) > _LEAST_COLOURED)
    if not found.any():
        return slice(0, 0), slice(0, 0)
    unit = placement.scale * work.header.width_px / lit.shape[1]
    ends = []
    for axis, length in ((1, work.recipe.height_px), (0, work.recipe.width_px)):
        held = np.flatnonzero(found.any(axis=axis))
        offset = placement.offset[axis]
        first = math.floor((held[0] - _REACH) * unit + offset)
        last = math.ceil((held[-1] + 1 + _REACH) * unit + offset)
        ends.append(slice(min(max(0, first), length), min(max(0, last), length)))
    return ends[0], ends[1]


def _ends(work: Work, placement: Placement, cropped: tuple[str, ...]) -> dict[str, float]:
    """Where the picture ends on the canvas, in probe pixels: at its own end or at the canvas'.

    A side at which the frame cuts the subject is left out: there the cut is the picture.
    """
    assert work.probe is not None
    left, top, width, height = placement.region
    unit = work.probe.shape[1] / work.header.width_px
    ends = {"left": left, "top": top, "right": left + width, "bottom": top + height}
    return {side: end * unit for side, end in ends.items() if side not in cropped}
