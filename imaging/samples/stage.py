"""The stage: a product on a backdrop with its shadow, as pixels and as a file."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from imaging.samples.layers import Colour, Grid, Layer, Plane, between, blurred

COARSER = 8  # a blurred room needs no more

Draw = Callable[[Grid], Layer]
Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """A backdrop (0–255), how strongly light falls off on it, a shadow, and grain (in levels).

    ``shadow`` 0 is none, 1 a natural one. ``clutter`` puts blurred things behind the product; one
    that ``is_lying`` is seen from above, and its shadow falls around it.
    """

    backdrop: Colour = (255, 255, 255)
    falloff: float = 0.0
    shadow: float = 0.0
    grain: float = 0.0
    clutter: bool = False
    is_lying: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture (n, n, 3) and the truth about it: left, top, width, height of the product."""

    pixels: Pixels
    box: Box

    def jpeg(self, quality: int = 90) -> bytes:
        """The picture as a JPEG file without chroma subsampling."""
        file = io.BytesIO()
        image = Image.fromarray(self.pixels)
        image.save(file, "JPEG", quality=quality, subsampling=0, optimize=True)
        return file.getvalue()


def draw(
    product: Draw,
    scene: Scene,
    *,
    side_px: int = 1600,
    fill: float = 0.62,
    centre: tuple[float, float] = (0.0, 0.0),
    seed: int = 1,
) -> Drawn:
    """Draw a product; its box takes ``fill`` of the frame by its longer side, around ``centre``."""
    unit = box_of(product(Grid.of(400)).alpha)
    left, top, width, height = (value / 200 for value in unit)
    scale = 2 * fill / max(width, height)
    middle = left - 1 + width / 2, top - 1 + height / 2
    grid = Grid.of(side_px)
    at = centre[0] - scale * middle[0], centre[1] - scale * middle[1]
    reach = (scale * width / 2 + 0.03, scale * height / 2 + 0.03)
    layer = _drawn_within(product, grid.placed(centre=at, scale=scale), grid, (centre, reach))
    rng = np.random.default_rng(seed)
    ground = _backdrop(grid, scene, rng)
    ground *= _shade(grid, layer.alpha, scene)[..., None]
    levels = 255 * (layer.colour * layer.alpha[..., None] + ground * (1 - layer.alpha[..., None]))
    grain = rng.normal(0, 1, (side_px, side_px, 1)).astype(np.float32)
    # On a backdrop that is exactly white the grain stays on the product: it only hides banding.
    strength = np.maximum(np.float32(scene.grain), 0.5 * layer.alpha)[..., None]
    pixels = np.clip(levels + grain * strength + 0.5, 0, 255).astype(np.uint8)
    return Drawn(pixels, box_of(layer.alpha))


def box_of(alpha: Plane) -> Box:
    """Left, top, width and height of what is at least half covered, in pixels."""
    columns, rows = (np.flatnonzero(alpha.max(axis=axis) >= 0.5) for axis in (0, 1))  # noqa: PLR2004
    left, top = float(columns[0]), float(rows[0])
    return left, top, float(columns[-1]) + 1 - left, float(rows[-1]) + 1 - top


def _drawn_within(
    product: Draw,
    own: Grid,
    frame: Grid,
    room: tuple[tuple[float, float], tuple[float, float]],
) -> Layer:
    """Draw only the pixels of ``room`` (its middle and half its sides); the others stay empty."""
    (middle_x, middle_y), (half_x, half_y) = room
    columns = _slice(frame.x[0], middle_x, half_x)
    rows = _slice(frame.y[:, 0], middle_y, half_y)
    part = product(own.window(rows, columns))
    whole = Layer(np.zeros((*frame.shape, 3), np.float32), np.zeros(frame.shape, np.float32))
    whole.colour[rows, columns], whole.alpha[rows, columns] = part.colour, part.alpha
    return whole


def _slice(along: Plane, middle: float, half: float) -> slice:
    start, end = np.searchsorted(along, (middle - half, middle + half))
    return slice(int(start), int(end))


def _backdrop(grid: Grid, scene: Scene, rng: np.random.Generator) -> Plane:
    colour = np.array(scene.backdrop, np.float32) / 255
    light = 1 - scene.falloff * (
        0.5 * (grid.x + 0.25) ** 2 + 0.6 * np.maximum(grid.y + 0.15, -0.6) ** 2
    )
    if scene.falloff == 0:
        light = np.ones_like(light)
    ground: Plane = (colour * light[..., None]).astype(np.float32)
    return _cluttered(grid, ground, rng) if scene.clutter else ground


def _cluttered(grid: Grid, ground: Plane, rng: np.random.Generator) -> Plane:
    """A room out of focus: a table of wood, and lights and things behind it."""
    table = between(0.28, 0.36, np.broadcast_to(grid.y, grid.shape))[..., None]
    rings = np.sin(26 * grid.y + 2.2 * np.sin(1.7 * grid.x) + 0.4 * np.sin(9 * grid.x))
    wood = np.array([0.62, 0.44, 0.29], np.float32) * (1 + 0.10 * rings)[..., None]
    coarse = Grid.of(grid.shape[0] // COARSER)
    room = ground[::COARSER, ::COARSER][: coarse.shape[0], : coarse.shape[1]]
    for _ in range(9):
        at = rng.uniform(-1, 1), rng.uniform(-0.95, 0.2)
        size, colour = rng.uniform(0.12, 0.3), rng.uniform(0.25, 0.85, 3).astype(np.float32)
        away = np.hypot(coarse.x - at[0], (coarse.y - at[1]) * rng.uniform(0.6, 1.2))
        spot = 0.75 * (1 - between(size - 0.02, size, away))[..., None]
        room = room * (1 - spot) + colour * spot
    room = blurred(room.astype(np.float32), 0.04 * coarse.per_unit)
    far = cv2.resize(room, grid.shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    mixed: Plane = far * (1 - table) + wood * table
    return mixed


def _shade(grid: Grid, alpha: Plane, scene: Scene) -> Plane:
    if scene.shadow == 0:
        return np.ones_like(alpha)
    if scene.is_lying:
        return _shadow_around(grid, alpha, scene.shadow)
    return _shadow(grid, alpha, scene.shadow)


def _shadow_around(grid: Grid, alpha: Plane, strength: float) -> Plane:
    shade = np.ones_like(alpha)
    for off, sigma, dark in ((0.012, 0.018, 0.26), (0.035, 0.05, 0.22)):
        step = round(off * grid.per_unit)
        moved = np.roll(alpha, (step, step // 2), (0, 1))
        shade = shade * (1 - strength * dark * blurred(moved, sigma * grid.per_unit))
    return shade.astype(np.float32)


def _shadow(grid: Grid, alpha: Plane, strength: float) -> Plane:
    """The share of the light that is left: dark at the foot, wide and weak further off."""
    left, top, width, height = box_of(alpha)
    foot = (top + height) / grid.per_unit - 1
    rows = alpha[int(top + 0.94 * height) : int(top + height) - 1]
    standing = np.flatnonzero(rows.max(axis=0) > 0.5)  # noqa: PLR2004
    start, end = (standing[0], standing[-1]) if len(standing) else (left, left + width)
    middle, half = (start + end) / 2 / grid.per_unit - 1, (end - start) / 2 / grid.per_unit
    shade = np.ones_like(alpha)
    for reach, flat, down, right, dark in (
        (1.02, 0.10, -0.035, 0.02, 0.24),
        (1.20, 0.20, -0.03, 0.10, 0.20),
        (1.75, 0.42, -0.06, 0.35, 0.15),
    ):
        x = (grid.x - np.float32(middle + right * half)) / np.float32(reach * half)
        y = (grid.y - np.float32(foot + down)) / np.float32(flat * half * 0.9)
        shade = shade * (1 - strength * dark * np.exp(-((x * x + y * y) ** 1.2)))
    # Whatever its outline, a product darkens the table right under it.
    low = between(foot - 0.75 * height / grid.per_unit, foot, grid.y)
    step = round(0.016 * grid.per_unit)
    under = blurred(np.roll(alpha, step, 0), 0.020 * grid.per_unit) * low
    shade = shade * (1 - strength * 0.36 * under)
    return blurred(shade.astype(np.float32), 0.008 * grid.per_unit)
