"""Strips along the sides of a subject's box, cut from planes of any size and turned outside up."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from imaging.rendered import Box
from imaging.work import Decoded, Pixels, Plane, Silhouette

# Strip pixels for one of the probe.
FINE = 4
# Probe pixels that a strip reaches beyond and into the box.
OUTWARD, INWARD = 3, 6


@dataclass(frozen=True, slots=True)
class Strip:
    """A strip along one side of a box.

    ``shares`` is its place as shares (0–1) of the picture, ``size`` its width and height in pixels,
    ``rough`` the side as the mask knows it, ``first`` and ``last`` its outer and inner end; these
    three in source pixels.
    """

    shares: Box
    size: tuple[int, int]
    rough: float
    first: float
    last: float


def strip_along(side: str, found: Silhouette, decoded: Decoded, *, inward: int) -> Strip:
    """Lay a strip along one side of the mask's box, on whole pixels of the decoded picture.

    ``inward`` moves it into the box, in probe pixels.
    """
    height, width = found.mask.shape
    rows, columns = np.flatnonzero(found.mask.any(axis=1)), np.flatnonzero(found.mask.any(axis=0))
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    x0, y0, x1, y1 = {
        "left": (left - OUTWARD, top - 2, left + INWARD, bottom + 2),
        "right": (right - INWARD, top - 2, right + OUTWARD, bottom + 2),
        "top": (left - 2, top - OUTWARD, right + 2, top + INWARD),
        "bottom": (left - 2, bottom - INWARD, right + 2, bottom + OUTWARD),
    }[side]
    x0, x1 = (x + {"left": inward, "right": -inward}.get(side, 0) for x in (x0, x1))
    y0, y1 = (y + {"top": inward, "bottom": -inward}.get(side, 0) for y in (y0, y1))
    full_height, full_width = decoded.pixels.shape[:2]
    u0, u1 = _whole(x0 / width, x1 / width, full_width)
    v0, v1 = _whole(y0 / height, y1 / height, full_height)
    size = max(1, int((u1 - u0) * width * FINE)), max(1, int((v1 - v0) * height * FINE))
    source = full_width / decoded.scale[0], full_height / decoded.scale[1]
    ends = {"left": (u0, u1), "right": (u1, u0), "top": (v0, v1), "bottom": (v1, v0)}[side]
    length = source[0] if side in {"left", "right"} else source[1]
    rough = found.box[0 if side in {"left", "right"} else 1]
    rough += {"right": found.box[2], "bottom": found.box[3]}.get(side, 0.0)
    return Strip((u0, v0, u1, v1), size, rough, ends[0] * length, ends[1] * length)


def _whole(low: float, high: float, length: int) -> tuple[float, float]:
    """Two shares of a length, moved outwards to whole pixels of it."""
    first, last = math.floor(max(0.0, low) * length), math.ceil(min(1.0, high) * length)
    return first / length, max(first + 1, last) / length


def cut(plane: Plane | Pixels, *, strip: Strip, side: str, how: int) -> Plane:
    """The strip of a plane of any size, at the strip's own scale, outside up."""
    height, width = plane.shape[:2]
    x0, y0, x1, y1 = strip.shares
    u0, v0 = round(x0 * width), round(y0 * height)
    part = plane[v0 : max(v0 + 1, round(y1 * height)), u0 : max(u0 + 1, round(x1 * width))]
    cut_out = cv2.resize(np.ascontiguousarray(part), strip.size, interpolation=how)
    match side:
        case "left":
            cut_out = cut_out.swapaxes(0, 1)
        case "right":
            cut_out = cut_out[:, ::-1].swapaxes(0, 1)
        case "bottom":
            cut_out = cut_out[::-1]
    turned: Plane = np.ascontiguousarray(cut_out)
    return turned
