"""Things turned on a lathe: bottles, mugs, jars, vases, seen a little from above."""

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.samples.layers import Grid, Layer, Plane, ellipse, light_of
from imaging.samples.light import Material, lit

TILT = 0.085  # how much of a circle's depth the camera sees
_STEPS = 8192

Profile = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Turned:
    """One piece: its layer, and for each pixel the angle (-pi/2 to pi/2) and height on it."""

    layer: Layer
    angle: Plane
    height: Plane


def turned(grid: Grid, profile: Profile, material: Material, *, rounding: float = 0.012) -> Turned:
    """Turn a profile of (y, radius), from the top to the bottom; corners are rounded a little."""
    heights, radii = _dense(profile, rounding)
    slopes = np.gradient(radii, heights).astype(np.float32)
    across = np.abs(grid.x)
    y = np.broadcast_to(grid.y, (grid.y.shape[0], grid.x.shape[1]))
    height = y
    for _ in range(5):  # the front of a circle is seen lower than its middle
        radius = _looked_up(radii, profile, height)
        height = y - TILT * np.sqrt(np.maximum(radius**2 - across**2, 0))
    radius = _looked_up(radii, profile, height)
    slope = _looked_up(slopes, profile, height)
    sine = np.clip(grid.x / np.maximum(radius, 1e-4), -1, 1)
    cosine = np.sqrt(1 - sine**2)
    length = np.sqrt(1 + slope**2)
    inside = (radius - across) / length
    inside = np.minimum(inside, np.minimum(height - profile[0][0], profile[-1][0] - height))
    colour = lit((sine / length, -slope / length, cosine / length), material)
    angle = np.arcsin(sine).astype(np.float32)
    return Turned(Layer(colour, grid.cover(inside.astype(np.float32))), angle, height)


def disc(grid: Grid, *, y: float, radius: float, colour: Plane) -> Layer:
    """A level circle seen from above: a lid's top, the surface of wax, a mug's mouth."""
    inside = ellipse(grid, at=(0, y), radii=(radius, radius * TILT))
    shown = np.broadcast_to(colour, (*inside.shape, 3)).astype(np.float32)
    return Layer(shown, grid.cover(inside))


def wrapped(piece: Turned, label: Plane, *, span: float, top: float, bottom: float) -> Turned:
    """The piece with a printed label around its front.

    ``label`` is (h, w, 4) in 0–1 with alpha; it goes from -span to span (radians) and from top to
    bottom on the piece. It takes the light that the piece has there.
    """
    height_px, width_px = label.shape[:2]
    at_x = (piece.angle / span + 1) / 2 * width_px - 0.5
    at_y = (piece.height - top) / (bottom - top) * height_px - 0.5
    printed = cv2.remap(label, at_x, at_y.astype(np.float32), cv2.INTER_AREA).astype(np.float32)
    light = 0.30 + 0.78 * np.cos(piece.angle + 0.42)
    lighted = printed[..., :3] * np.clip(light, 0.3, 1.0)[..., None] ** np.float32(1 / 2.2)
    return Turned(piece.layer.painted(lighted, printed[..., 3]), piece.angle, piece.height)


def level(colour: tuple[float, float, float], shade: float = 1.0) -> Plane:
    """The screen value of a flat colour under the studio's light."""
    shown: Plane = np.power(np.clip(light_of(colour) * shade, 0, 1), np.float32(1 / 2.2))
    return shown


def _looked_up(table: Plane, profile: Profile, height: Plane) -> Plane:
    """The value at each height; the table is so fine that no neighbours need mixing."""
    per_unit = (_STEPS - 1) / (profile[-1][0] - profile[0][0])
    at = np.clip((height - profile[0][0]) * per_unit + 0.5, 0, _STEPS - 1).astype(np.int32)
    found: Plane = table[at]
    return found


def _dense(profile: Profile, rounding: float) -> tuple[Plane, Plane]:
    points = np.array(profile, np.float32)
    heights = np.linspace(points[0, 0], points[-1, 0], _STEPS, dtype=np.float32)
    radii = np.interp(heights, points[:, 0], points[:, 1]).astype(np.float32)
    step = float(heights[1] - heights[0])
    sigma = rounding / step
    if sigma > 0.5:  # noqa: PLR2004 - below that nothing changes
        radii = _smooth(radii, sigma)
    return heights, radii


def _smooth(radii: Plane, sigma: float) -> Plane:
    reach = int(3 * sigma) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(radii, reach, mode="edge")
    smooth: Plane = np.convolve(padded, kernel / kernel.sum(), "valid").astype(np.float32)
    return smooth
