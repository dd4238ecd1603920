"""Coordinates, soft edges and layers: what every drawn product is put together from."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.floating[Any]]
Colour = tuple[float, float, float]
SMALLER = 4


@dataclass(frozen=True, slots=True)
class Grid:
    """A square of pixels: ``x`` (1, n) and ``y`` (n, 1), and how many pixels one unit has."""

    x: Plane
    y: Plane
    per_unit: float

    @classmethod
    def of(cls, side_px: int) -> "Grid":
        """The grid of a square frame from -1 to 1."""
        along = (np.arange(side_px, dtype=np.float32) + 0.5) * (2 / side_px) - 1
        return cls(along[None, :], along[:, None], side_px / 2)

    def placed(self, *, centre: tuple[float, float], scale: float) -> "Grid":
        """The same pixels in the coordinates of a product that is moved and enlarged."""
        return Grid(
            (self.x - np.float32(centre[0])) / np.float32(scale),
            (self.y - np.float32(centre[1])) / np.float32(scale),
            self.per_unit * scale,
        )

    def window(self, rows: slice, columns: slice) -> "Grid":
        """A part of the pixels."""
        return Grid(self.x[:, columns], self.y[rows], self.per_unit)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.shape[0], self.x.shape[1]

    def cover(self, inside: Plane) -> Plane:
        """How much of each pixel is covered, from signed distances that are positive inside."""
        covered: Plane = np.clip(inside * np.float32(self.per_unit) + 0.5, 0, 1)
        return covered


@dataclass(slots=True)
class Layer:
    """Colours in 0–1, as a screen shows them, (n, n, 3), under an alpha (n, n)."""

    colour: Plane
    alpha: Plane

    def over(self, below: "Layer") -> "Layer":
        """This layer on top of another."""
        rest = below.alpha * (1 - self.alpha)
        alpha = self.alpha + rest
        total = self.colour * self.alpha[..., None] + below.colour * rest[..., None]
        return Layer(total / np.maximum(alpha, 1e-6)[..., None], alpha)

    def painted(self, colour: Plane, strength: Plane) -> "Layer":
        """The same layer with a colour on it that does not reach beyond it."""
        share = strength[..., None]
        return Layer(self.colour * (1 - share) + colour * share, self.alpha)


def stacked(*layers: Layer) -> Layer:
    """Layers from the lowest to the topmost as one."""
    result = layers[0]
    for layer in layers[1:]:
        result = layer.over(result)
    return result


def between(low: float, high: float, value: Plane) -> Plane:
    """A smooth step from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    step: Plane = t * t * (3 - 2 * t)
    return step


def screen(linear: Plane) -> Plane:
    """Light as a screen's values: sRGB's curve, with a shoulder that keeps highlights soft."""
    soft = np.where(linear > 0.8, 0.8 + 0.2 * np.tanh((linear - 0.8) / 0.2), linear)  # noqa: PLR2004
    shown: Plane = np.power(np.clip(soft, 0, 1), np.float32(1 / 2.2))
    return shown


def light_of(colour: Colour) -> Plane:
    """A colour of 0–255 as linear light."""
    return np.power(np.array(colour, np.float32) / 255, np.float32(2.2))


def rounded_box(grid: Grid, *, half: tuple[float, float], radius: float) -> Plane:
    """Signed distance to a rounded rectangle around 0, positive inside."""
    dx = np.abs(grid.x) - np.float32(half[0] - radius)
    dy = np.abs(grid.y) - np.float32(half[1] - radius)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    distance: Plane = radius - outside - np.minimum(np.maximum(dx, dy), 0)
    return distance


def ellipse(grid: Grid, *, at: tuple[float, float], radii: tuple[float, float]) -> Plane:
    """Signed distance to an ellipse, to first order, positive inside."""
    x, y = (grid.x - np.float32(at[0])) / radii[0], (grid.y - np.float32(at[1])) / radii[1]
    length = np.sqrt(x * x + y * y) + np.float32(1e-6)
    slope = np.sqrt((x / radii[0]) ** 2 + (y / radii[1]) ** 2) / length
    distance: Plane = ((1 - length) / np.maximum(slope, 1e-6)).astype(np.float32)
    return distance


def polygon(grid: Grid, corners: npt.NDArray[np.float32]) -> Plane:
    """Signed distance to a convex polygon whose corners go clockwise on the screen."""
    inside = np.full((grid.y.shape[0], grid.x.shape[1]), np.inf, np.float32)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge = (end - start) / np.linalg.norm(end - start)
        inside = np.minimum(inside, edge[0] * (grid.y - start[1]) - edge[1] * (grid.x - start[0]))
    return inside


def blurred(plane: Plane, sigma_px: float) -> Plane:
    """A Gaussian blur; a wide one is made at a quarter of the size, where nothing is lost."""
    if sigma_px < 4 * SMALLER:
        return cv2.GaussianBlur(plane, (0, 0), sigma_px).astype(np.float32)
    height, width = plane.shape[:2]
    size = max(1, width // SMALLER), max(1, height // SMALLER)
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), sigma_px / SMALLER)
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
