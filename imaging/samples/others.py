"""The products that are not turned: box, ball, bag and watch."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from imaging.samples.labels import label
from imaging.samples.layers import (
    Colour,
    Grid,
    Layer,
    Plane,
    between,
    blurred,
    ellipse,
    light_of,
    polygon,
    rounded_box,
    screen,
    stacked,
)
from imaging.samples.light import Material, lit

CREAM: Colour = (244, 239, 228)
SPRING = -0.20  # where the straight part of a handle ends and its arch begins
Corners = npt.NDArray[np.float32]


def box(grid: Grid, *, paint: Colour, name: str) -> Layer:
    """A carton seen over its corner, with a print on the front."""
    front = np.array([(-0.72, -0.46), (0.30, -0.30), (0.30, 0.94), (-0.72, 0.74)], np.float32)
    side = np.array([(0.30, -0.30), (0.80, -0.50), (0.80, 0.68), (0.30, 0.94)], np.float32)
    lid = np.array([(-0.72, -0.46), (-0.16, -0.64), (0.80, -0.50), (0.30, -0.30)], np.float32)
    print_ = label(
        (1020, 1240),
        paper=paint,
        ink=CREAM,
        lines=(
            (name, 0.30, 0.135),
            ("small batch", 0.43, 0.052),
            ("GRANOLA", 0.62, 0.085),
            ("oats · hazelnut · honey", 0.72, 0.040),
            ("400 g", 0.90, 0.045),
        ),
        rules=(0.16, 0.52, 0.82),
    )
    panel = _on(grid, print_, front)[..., :3]
    y = np.broadcast_to(grid.y, panel.shape[:2])
    x = np.broadcast_to(grid.x, panel.shape[:2])
    fronts = _face(grid, front, panel * (1.0 - 0.10 * between(-0.5, 0.9, y))[..., None])
    dark = screen(light_of(paint) * (0.50 - 0.14 * between(-0.5, 0.9, y))[..., None])
    top = screen(light_of(paint) * (1.28 + 0.16 * between(0.6, -0.6, x))[..., None])
    return stacked(_face(grid, side, dark), _face(grid, lid, top), fronts)


def ball(grid: Grid, *, colours: tuple[Colour, Colour], turn: float = 0.5) -> Layer:
    """A beach ball of six panels around a tilted axis."""
    radius = np.float32(0.98)
    x, y = grid.x / radius, grid.y / radius
    flat = np.sqrt(x * x + y * y)
    z = np.sqrt(np.maximum(1 - flat**2, 0))
    lean, roll = 0.75, 0.42
    px, py = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
    py, pz = py * math.cos(lean) - z * math.sin(lean), py * math.sin(lean) + z * math.cos(lean)
    panel = np.sin(3 * (np.arctan2(px, pz) + turn))
    polar = np.hypot(px, pz)
    width = np.maximum(polar, 0.02) * 3 * grid.per_unit
    share = np.clip(panel * width / 3 + 0.5, 0, 1)[..., None]
    one, other = light_of(colours[0]), light_of(colours[1])
    cap = between(0.155, 0.165, polar)[..., None]
    base = (one * share + other * (1 - share)) * cap + light_of((250, 248, 242)) * (1 - cap)
    seam = 1 - 0.16 * np.exp(-((panel * width / 7) ** 2))[..., None] * cap
    normal = (x.astype(np.float32) * np.ones_like(z), y.astype(np.float32) * np.ones_like(z), z)
    colour = lit(normal, Material(colours[0], 0.15, 0.35), base=(base * seam).astype(np.float32))
    spot = np.exp(-(((x + 0.36) / 0.17) ** 2) - ((y + 0.50) / 0.12) ** 2)[..., None]
    colour = colour + np.float32(0.42) * spot * (1 - colour)
    return Layer(colour.astype(np.float32), grid.cover(((1 - flat) * radius).astype(np.float32)))


def bag(grid: Grid, *, cloth: Colour, name: str) -> Layer:
    """A canvas tote with two handles and a print."""
    body = np.array([(-0.70, -0.28), (0.70, -0.28), (0.78, 0.98), (-0.78, 0.98)], np.float32)
    inside = polygon(grid, body)
    y = np.broadcast_to(grid.y, inside.shape)
    x = np.broadcast_to(grid.x, inside.shape)
    folds = 0.045 * np.sin(x * 7.5 + 1.6 * y) * between(-0.3, 0.6, y)
    folds = (
        folds + 0.03 * np.sin(x * 15 - 2.2 * y + 1.0) + 0.05 * np.exp(-(((x + 0.42) / 0.12) ** 2))
    )
    weave = 0.014 * (np.sin(x * 520) + np.sin(y * 520))
    light = (
        0.86
        - 0.18 * x
        + folds
        + weave
        - 0.16 * between(0.55, 1.0, np.abs(x))
        - 0.10 * between(0.7, 1.0, y)
    )
    hem = 0.16 * np.exp(-(((y + 0.14) / 0.008) ** 2)) + 0.10 * np.exp(-(((y + 0.272) / 0.02) ** 2))
    colour = screen(light_of(cloth) * (light - hem)[..., None])
    print_ = label(
        (900, 620), paper=None, ink=(58, 66, 60),
        lines=((name, 0.36, 0.24), ("market & garden", 0.70, 0.11)), rules=(0.55,),
    )  # fmt: skip
    square = np.array([(-0.48, 0.16), (0.48, 0.16), (0.48, 0.78), (-0.48, 0.78)], np.float32)
    ink = _on(grid, print_, square)
    sack = Layer(colour, grid.cover(inside)).painted(ink[..., :3], ink[..., 3] * 0.92)
    return stacked(_strap(grid, cloth, 0.62, -0.94), sack, _strap(grid, cloth, 0.92, -0.86))


def watch(grid: Grid, *, strap: Colour, dial: Colour, metal: Colour) -> Layer:
    """A wrist watch lying flat: leather strap, steel case, a dial with hands at ten past ten."""
    x = np.broadcast_to(grid.x, (grid.y.shape[0], grid.x.shape[1]))
    y = np.broadcast_to(grid.y, x.shape)
    taper = 0.245 - 0.05 * between(0.4, 1.0, np.abs(y))
    band = np.minimum(taper - np.abs(x), 1.0 - np.abs(y))
    band = band.astype(np.float32)
    across = x / taper
    bend = np.sqrt(np.clip(1 - (0.82 * across) ** 2, 0, 1))
    normal = ((0.82 * across).astype(np.float32), np.zeros_like(x), bend.astype(np.float32))
    leather = lit(normal, Material(strap, 0.16, 0.25))
    grain = 1 + 0.02 * np.sin(x * 190 + 3 * np.sin(y * 60)) * np.sin(y * 170 + 2 * np.sin(x * 70))
    edge = 0.018 - np.abs(np.abs(x) - taper + 0.032)
    stitch = grid.cover((edge - 0.012).astype(np.float32)) * between(-0.2, 0.3, np.sin(y * 95))
    leather = leather * grain[..., None] * (1 - 0.5 * between(0.62, 0.44, np.abs(y)))[..., None]
    belt = Layer(leather.astype(np.float32), grid.cover(band))
    belt = belt.painted(np.float32(1) * np.array([0.86, 0.80, 0.68], np.float32), stitch * 0.8)
    crown = grid.placed(centre=(0.575, 0), scale=1)
    knob = Layer(
        _steel(grid, metal, y / 0.08),
        grid.cover(rounded_box(crown, half=(0.06, 0.075), radius=0.02)),
    )
    return stacked(belt, knob, _lugs(grid, metal), *_face_of_watch(grid, dial, metal))


def _face_of_watch(grid: Grid, dial: Colour, metal: Colour) -> tuple[Layer, ...]:
    radius, angle = np.hypot(grid.x, grid.y), np.arctan2(grid.x, -grid.y)
    bezel = np.clip((radius - 0.475) / 0.065, -1, 1)
    nz = np.sqrt(1 - 0.8 * bezel**2)
    out = math.sqrt(0.8) * bezel
    normal = ((np.sin(angle) * out), (-np.cos(angle) * out), nz)
    ring = lit(normal, Material(metal, 0.8, 0.75))
    case = Layer(ring, grid.cover((0.54 - radius).astype(np.float32)))
    sheen = 0.92 + 0.22 * np.cos(2 * (angle + 0.8)) - 0.25 * radius
    plate = (
        screen(light_of(dial) * sheen[..., None])
        * (1 - 0.35 * between(0.36, 0.425, radius))[..., None]
    )
    face = Layer(plate.astype(np.float32), grid.cover((0.425 - radius).astype(np.float32)))
    marks = np.maximum(_ring(grid, 4, (0.31, 0.385), 0.014), _ring(grid, 12, (0.335, 0.385), 0.010))
    marks = np.maximum(marks, 0.55 * _ring(grid, 60, (0.37, 0.387), 0.0035))
    hands = np.maximum(_bar(grid, -1.0, -0.05, 0.22, 0.015), _bar(grid, 1.05, -0.06, 0.33, 0.011))
    hub = grid.cover((0.026 - radius).astype(np.float32))
    light = np.broadcast_to(np.array([0.95, 0.94, 0.90], np.float32), plate.shape)
    shadow = blurred(
        np.roll(np.maximum(hands, hub), (round(0.012 * grid.per_unit),) * 2, (0, 1)),
        0.012 * grid.per_unit,
    )
    face = face.painted(np.zeros_like(plate), 0.45 * shadow).painted(light, marks)
    second = np.maximum(_bar(grid, 3.5, -0.09, 0.35, 0.004), 0)
    face = face.painted(light, np.maximum(hands, hub))
    red = np.broadcast_to(np.array([0.80, 0.30, 0.18], np.float32), plate.shape)
    face = face.painted(red, second)
    glare = 0.10 * between(-0.05, 0.4, -grid.x * 0.7 - grid.y) * face.alpha
    return case, face.painted(np.ones_like(plate), glare)


def _ring(grid: Grid, count: int, reach: tuple[float, float], half: float) -> Plane:
    """Bars around the middle, from ``reach[0]`` to ``reach[1]``, the first at twelve o'clock."""
    radius, angle = np.hypot(grid.x, grid.y), np.arctan2(grid.x, -grid.y)
    step = 2 * np.pi / count
    off = angle - step * np.round(angle / step)
    along, across = radius * np.cos(off), radius * np.sin(off)
    inside = np.minimum(half - np.abs(across), np.minimum(along - reach[0], reach[1] - along))
    return grid.cover(inside.astype(np.float32))


def _bar(grid: Grid, angle: float, start: float, end: float, half: float) -> Plane:
    """A straight bar from the middle outwards at an angle from twelve o'clock."""
    along = grid.x * math.sin(angle) - grid.y * math.cos(angle)
    across = grid.x * math.cos(angle) + grid.y * math.sin(angle)
    inside = np.minimum(half - np.abs(across), np.minimum(along - start, end - along))
    return grid.cover(inside.astype(np.float32))


def _lugs(grid: Grid, metal: Colour) -> Layer:
    inside = np.full((grid.y.shape[0], grid.x.shape[1]), -1, np.float32)
    for side in (-1, 1):
        for end in (-1, 1):
            at = grid.placed(centre=(0.285 * side, 0.46 * end), scale=1)
            inside = np.maximum(inside, rounded_box(at, half=(0.055, 0.16), radius=0.04))
    return Layer(
        _steel(grid, metal, np.broadcast_to((np.abs(grid.x) - 0.285) / 0.055, inside.shape)),
        grid.cover(inside),
    )


def _steel(grid: Grid, metal: Colour, across: Plane) -> Plane:
    shape = (grid.y.shape[0], grid.x.shape[1])
    off = np.clip(np.broadcast_to(across, shape) * 0.9, -0.95, 0.95).astype(np.float32)
    normal = (off, np.zeros(shape, np.float32), np.sqrt(1 - off**2))
    return lit(normal, Material(metal, 0.8, 0.7))


def _strap(grid: Grid, cloth: Colour, light: float, top: float) -> Layer:
    """One handle: a flat band along half an ellipse."""
    off = ellipse(grid, at=(0, SPRING), radii=(0.36, SPRING - top))
    inside = np.where(grid.y < SPRING, 0.045 - np.abs(off), 0.045 - np.abs(np.abs(grid.x) - 0.36))
    inside = np.minimum(inside, -0.06 - grid.y).astype(np.float32)
    stitch = 0.12 * between(0.010, 0.004, np.abs(np.abs(off) - 0.030))
    weave = 0.02 * np.sin((grid.x + grid.y) * 380)
    colour = screen(light_of(cloth) * (light * (0.92 - 0.18 * grid.x) - stitch + weave)[..., None])
    return Layer(colour, grid.cover(inside))


def _face(grid: Grid, corners: Corners, colour: Plane) -> Layer:
    return Layer(
        np.clip(colour, 0, 1).astype(np.float32), grid.cover(polygon(grid, corners) + 0.0008)
    )


def _on(grid: Grid, print_: Plane, corners: Corners) -> Plane:
    """A print in perspective, as large as the frame."""
    height, width = print_.shape[:2]
    origin = np.array([grid.x[0, 0], grid.y[0, 0]], np.float32)
    to = (corners - origin) * np.float32(grid.per_unit)
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, to.astype(np.float32))
    size = (grid.x.shape[1], grid.y.shape[0])
    printed = cv2.warpPerspective(
        print_, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    if print_[..., 3].min() < 1:
        outside = polygon(grid, corners) < 0
        printed[outside, 3] = 0
    return printed
