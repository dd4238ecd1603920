"""The shadows that a subject throws, made from its alpha: smooth planes on a small copy.

Every shadow lies on the side away from the light and fades out before the canvas ends, so that it
is nowhere cut off.
"""

import math

import cv2
import numpy as np

from imaging.lighting import Light, Shadow
from imaging.work import Pixels, Plane

# Longest side of the copy in pixels; shadows are smooth.
_SMALL_PX = 800
# Shares of the subject's longer side: how far a shadow falls under light from 45 degrees.
_DROP, _CONTACT = 0.05, 0.03
# Light along the picture would throw it to infinity.
_LONGEST = 4.0
# The share of the canvas' longer side over which a shadow fades towards an end.
_FADE = 0.05
# How far above its lowest point, as a share of its height, a subject still counts as standing.
_FOOT = 0.04


def shadow_of(cover: Pixels, shadow: Shadow, light: Light, *, cropped: tuple[str, ...]) -> Plane:
    """How much (0–1) of the shadow lies on each pixel of a small copy of the canvas.

    ``cover`` is the subject's alpha on the canvas, ``cropped`` the sides at which the frame cuts
    the subject: there its shadow goes on.
    """
    height, width = cover.shape
    factor = min(1.0, _SMALL_PX / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    alpha = cv2.resize(cover, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    thick = alpha > 0.5  # noqa: PLR2004 - half covered
    if shadow.mode == "none" or not thick.any():
        return np.zeros_like(alpha)
    rows, columns = np.flatnonzero(thick.any(axis=1)), np.flatnonzero(thick.any(axis=0))
    longest = float(max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1)
    reach = longest * min(_LONGEST, 1 / math.tan(math.radians(max(light.elevation, 1.0))))
    away = math.radians(light.direction)
    across, down = -math.sin(away) * reach, math.cos(away) * reach
    if shadow.mode == "drop":
        sigma = longest * (0.006 + 0.05 * shadow.spread)
        plane = _blurred(_moved(alpha, _DROP * across, _DROP * down), sigma, sigma)
    else:
        line, pool = _contact(thick, longest, shadow.spread)
        pool = _moved(pool, _CONTACT * across, _CONTACT * max(0.0, down) / 2)
        plane = 1 - (1 - line) * (1 - pool)
    faded: Plane = np.clip(plane, 0, 1) * _ends(size, cropped)
    return faded


def _contact(thick: Pixels, longest: float, spread: float) -> tuple[Plane, Plane]:
    """The dark line where the subject stands, and the pool of shade around it."""
    height = thick.shape[0]
    held = thick.any(axis=0)
    bottom = np.where(held, height - 1 - thick[::-1].argmax(axis=0), 0).astype(np.float32)
    lowest = float(bottom.max())
    tall = lowest - float(np.flatnonzero(thick.any(axis=1))[0]) + 1
    foot = np.where(held, np.exp(-(((lowest - bottom) / max(1.0, _FOOT * tall)) ** 2)), 0)
    y = np.arange(height, dtype=np.float32)[:, None]
    thin = max(1.0, 0.006 * longest)
    line = foot[None, :] * np.exp(-(((y - bottom[None, :]) / thin) ** 2) / 2)
    line = _blurred(line.astype(np.float32), thin, thin)
    wide = longest * (0.015 + 0.09 * spread)
    pool = foot[None, :] * np.exp(-(((y - lowest) / thin) ** 2) / 2)
    pool = _blurred(pool.astype(np.float32), wide, 0.3 * wide)
    return 0.9 * line / max(float(line.max()), 1e-6), 0.75 * pool / max(float(pool.max()), 1e-6)


def _moved(plane: Plane, across: float, down: float) -> Plane:
    move = np.array([[1, 0, across], [0, 1, down]], np.float32)
    moved: Plane = cv2.warpAffine(plane.astype(np.float32), move, plane.shape[::-1])
    return moved


def _blurred(plane: Plane, across: float, down: float) -> Plane:
    """Blur with nothing beyond the ends of the canvas."""
    sigmas = max(across, 0.5), max(down, 0.5)
    room = math.ceil(3 * max(sigmas))
    wide = cv2.copyMakeBorder(plane, room, room, room, room, cv2.BORDER_CONSTANT, value=[0])
    blurred: Plane = cv2.GaussianBlur(wide, (0, 0), sigmaX=sigmas[0], sigmaY=sigmas[1])
    return np.ascontiguousarray(blurred[room:-room, room:-room])


def _ends(size: tuple[int, int], cropped: tuple[str, ...]) -> Plane:
    """1 inside, fading to 0 at the ends of the canvas that do not cut the subject."""
    width, height = size
    fade = max(1.0, _FADE * max(size))
    shares = []
    for length, first, last in ((width, "left", "right"), (height, "top", "bottom")):
        at = np.arange(length, dtype=np.float32) + 0.5
        from_first = np.full(length, fade) if first in cropped else at
        from_last = np.full(length, fade) if last in cropped else length - at
        share = np.clip(np.minimum(from_first, from_last) / fade, 0, 1)
        shares.append(share * share * (3 - 2 * share))
    ends: Plane = (shares[1][:, None] * shares[0][None, :]).astype(np.float32)
    return ends
