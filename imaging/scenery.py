"""The backdrops that are made: pure functions of a recipe, in linear light, row by row.

They are formulas, not pictures: sharp at any size, the same for one seed on every machine.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imaging.background_recipe import BackgroundKind, BackgroundRecipe
from imaging.linear import light_of, light_of_colour, values_of
from imaging.work import Plane

Scenery = Callable[[slice], Plane]
"""Rows of the canvas to their linear light: (rows, width, 3), float32."""

DEFAULTS: dict[BackgroundKind, tuple[str, ...]] = {
    "solid": ("#ffffff",),
    "gradient": ("#f6f6f4", "#c6cbd3"),
    "sweep": ("#e8e4de",),
    "scene": ("#d8cdc2", "#efe8df"),
}


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a subject stands on the canvas, in pixels: middle, baseline and width."""

    x: float
    y: float
    width: float


def scenery_of(recipe: BackgroundRecipe, stand: Stand | None) -> Scenery:
    """The backdrop of a recipe; a podium is built under the subject that stands on it."""
    colours = (*recipe.colours, *DEFAULTS[recipe.kind][len(recipe.colours) :])
    size = recipe.width_px, recipe.height_px
    match recipe.kind:
        case "solid":
            return _solid(colours[0], size)
        case "gradient":
            return _Gradient(colours, size, seed=recipe.seed).rows
        case "sweep":
            return _Studio(colours[0], size, seed=recipe.seed).rows
        case "scene":
            wall = _Studio(colours[0], size, seed=recipe.seed)
            middle = Stand(size[0] / 2, 0.74 * size[1], 0.5 * size[0])
            return _Podium(wall, colours[1], stand or middle).rows


def white(size: tuple[int, int]) -> Scenery:
    """Nothing but white."""
    return _solid("#ffffff", size)


def _solid(colour: str, size: tuple[int, int]) -> Scenery:
    light = light_of_colour(colour)

    def rows(rows: slice) -> Plane:
        return np.broadcast_to(light, (rows.stop - rows.start, size[0], 3))

    return rows


class _Gradient:
    """From the first colour at the top to the last at the bottom, turned a little by the seed.

    Colours change in sRGB values, which look even; in linear light the dark half would be short.
    """

    def __init__(self, colours: tuple[str, ...], size: tuple[int, int], *, seed: int) -> None:
        self.size = size
        self.values = np.stack([values_of(light_of_colour(colour)) for colour in colours])
        turn = 0.0 if seed == 0 else np.random.default_rng(seed).uniform(-0.6, 0.6)
        self.down, self.across = np.cos(turn), np.sin(turn)

    def rows(self, rows: slice) -> Plane:
        x, y = _coordinates(rows, self.size)
        span = self.down + abs(self.across)
        share = 0.5 + ((y - 0.5) * self.down + (x - 0.5) * self.across) / span
        stops = np.linspace(0, 1, len(self.values))
        values = [np.interp(share, stops, self.values[:, channel]) for channel in range(3)]
        return _light_of_values(np.stack(values, axis=-1))


class _Studio:
    """A seamless paper: a lit wall that bends into the floor without an edge."""

    def __init__(self, colour: str, size: tuple[int, int], *, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.colour = light_of_colour(colour)
        self.size = size
        self.lamp = 0.5 + (0.0 if seed == 0 else rng.uniform(-0.16, 0.16))
        self.bend = 0.70 + (0.0 if seed == 0 else rng.uniform(-0.05, 0.05))
        # Where the light comes from, as shadows on the set need it: -1 left, 1 right.
        self.side = 1.0 if seed != 0 and rng.random() < 0.5 else -1.0  # noqa: PLR2004

    def rows(self, rows: slice) -> Plane:
        return self.brightness(rows)[..., None] * self.colour

    def brightness(self, rows: slice) -> Plane:
        """The share (0–1) of the paper's light on each pixel."""
        x, y = _coordinates(rows, self.size)
        away = (x - self.lamp) ** 2
        wall = 0.66 + 0.30 * np.exp(-(away + 0.8 * (y - 0.36) ** 2) / 0.16)
        floor = 0.80 + 0.20 * np.exp(-(away + 0.5 * (y - 0.92) ** 2) / 0.22)
        share = _smooth((y - self.bend + 0.14) / 0.26)
        corner = 1 - 0.10 * _smooth(np.hypot(x - 0.5, y - 0.5) / 0.75)
        lit: Plane = np.clip((wall + share * (floor - wall)) * corner, 0, 1).astype(np.float32)
        return lit


class _Podium:
    """A round podium on a seamless paper, lit from the side."""

    def __init__(self, studio: _Studio, colour: str, stand: Stand) -> None:
        width, height = studio.size
        self.studio = studio
        self.colour = light_of_colour(colour)
        self.x = stand.x
        self.radius = float(np.clip(0.66 * stand.width, 0.20 * width, 0.47 * width))
        self.depth = 0.15 * self.radius
        self.top = stand.y - 0.30 * self.depth
        self.bottom = max(self.top + 0.10 * height, 0.90 * height)

    def rows(self, rows: slice) -> Plane:
        width = self.studio.size[0]
        x = np.arange(width, dtype=np.float32)[None, :] + 0.5 - self.x
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5
        behind = self.studio.rows(rows) * (1 - self._shade(x, y))[..., None]
        top = _ellipse(x, y - self.top, self.radius, self.depth)
        foot = _ellipse(x, y - self.bottom, self.radius, self.depth)
        upright = np.maximum(np.abs(x) - self.radius, np.maximum(self.top - y, y - self.bottom))
        body = _cover(np.minimum(np.minimum(top, foot), upright))[..., None]
        side = self._side(x, y)[..., None] * self.colour
        plate = self._plate(x, y)[..., None] * self.colour
        on_top = _cover(top)[..., None]
        podium = side + on_top * (plate - side)
        rows_of: Plane = (behind + body * (podium - behind)).astype(np.float32)
        return rows_of

    def _side(self, x: Plane, y: Plane) -> Plane:
        """The light on the wall of the podium: from one side, darker towards the floor."""
        angle = np.arcsin(np.clip(x / self.radius, -1, 1))
        lamp = 0.85 * self.studio.side
        lit = 0.34 + 0.44 * np.clip(np.cos(angle - lamp), 0, 1) ** 1.2
        down = np.clip((y - self.top) / (self.bottom + self.depth - self.top), 0, 1)
        side: Plane = lit * (1 - 0.22 * down * down)
        return side

    def _plate(self, x: Plane, y: Plane) -> Plane:
        """The light on the top: nearly even, a little brighter towards the lamp."""
        plate: Plane = 0.93 + 0.05 * self.studio.side * x / self.radius + 0 * y
        return plate

    def _shade(self, x: Plane, y: Plane) -> Plane:
        """The shadow that the podium throws on the floor, away from the lamp."""
        moved = x + 0.35 * self.radius * self.studio.side
        floor = y - self.bottom - 0.25 * self.depth
        far = np.hypot(moved / (1.15 * self.radius), floor / (1.7 * self.depth))
        near = np.hypot(x / (1.02 * self.radius), floor / (1.15 * self.depth))
        shade: Plane = 0.30 * _smooth(1.6 - far) + 0.35 * _smooth((1.12 - near) / 0.22)
        return shade


def _coordinates(rows: slice, size: tuple[int, int]) -> tuple[Plane, Plane]:
    """Shares (0–1) of the width and the height at the middle of each pixel."""
    width, height = size
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / height
    return x[None, :], y[:, None]


def _ellipse(x: Plane, y: Plane, across: float, down: float) -> Plane:
    """Pixels to the outline of an ellipse, negative inside; exact where it matters, at the edge."""
    value = np.hypot(x / across, y / down)
    slope = np.hypot(x / across**2, y / down**2) / np.maximum(value, 1e-6)
    distance: Plane = (value - 1) / np.maximum(slope, 1e-6)
    return distance


def _cover(distance: Plane) -> Plane:
    cover: Plane = np.clip(0.5 - distance, 0, 1)
    return cover


def _light_of_values(values: Plane) -> Plane:
    """The linear light of sRGB values that are not rounded."""
    low = np.clip(values, 0, 255).astype(np.uint8)
    lower, upper = light_of(low), light_of(np.minimum(low, 254) + 1)
    light: Plane = lower + (values - low).astype(np.float32) * (upper - lower)
    return light


def _smooth(share: Plane) -> Plane:
    clipped = np.clip(share, 0, 1)
    smooth: Plane = clipped * clipped * (3 - 2 * clipped)
    return smooth
