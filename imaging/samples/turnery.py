"""The turned products of the shop: bottle, jar, mug, candle, vase, tin and lamp."""

import numpy as np

from imaging.samples.labels import label
from imaging.samples.lathe import disc, level, turned, wrapped
from imaging.samples.layers import (
    Colour,
    Grid,
    Layer,
    Plane,
    between,
    ellipse,
    light_of,
    screen,
    stacked,
)
from imaging.samples.light import Material, lit

CREAM: Colour = (244, 239, 228)
INK: Colour = (52, 50, 46)
MUG = ((-0.62, 0.520), (-0.56, 0.525), (0.30, 0.525), (0.52, 0.500), (0.66, 0.430), (0.70, 0.40))


def bottle(grid: Grid, *, glass: Colour, cap: Colour, text: tuple[str, str]) -> Layer:
    """A bottle of coloured glass with a paper label and a screw cap."""
    neck = ((-0.74, 0.125), (-0.60, 0.125))
    body = (*neck, (-0.52, 0.150), (-0.40, 0.285), (-0.33, 0.325), (-0.24, 0.340), (0.92, 0.340))
    made = turned(
        grid,
        (*body, (0.97, 0.325), (1.0, 0.30)),
        Material(glass, 0.5, 0.85, is_glass=True),
        rounding=0.03,
    )
    paper = label(
        (900, 700),
        paper=CREAM,
        ink=INK,
        lines=((text[0], 0.30, 0.20), (text[1], 0.50, 0.085), ("300 ml", 0.82, 0.065)),
        rules=(0.64,),
    )
    made = wrapped(made, paper, span=1.18, top=-0.02, bottom=0.68)
    lid = turned(
        grid,
        ((-1.0, 0.150), (-0.985, 0.160), (-0.70, 0.160)),
        Material(cap, 0.30, 0.45),
        rounding=0.008,
    )
    ribs = (
        0.10 * between(0.2, 0.9, np.abs(np.sin(lid.angle * 26))) * between(-0.95, -0.93, lid.height)
    )
    shaded = Layer(lid.layer.colour * (1 - ribs[..., None]), lid.layer.alpha)
    return stacked(made.layer, shaded, disc(grid, y=-1.0, radius=0.150, colour=level(cap, 1.15)))


def jar(grid: Grid, *, body: Colour, lid: Colour, name: str) -> Layer:
    """A cream jar: opal glass below, a lid above."""
    glass = turned(
        grid,
        ((-0.16, 0.60), (-0.10, 0.66), (0.42, 0.66), (0.56, 0.63), (0.62, 0.56)),
        Material(body, 0.45, 0.8),
        rounding=0.03,
    )
    print_ = label(
        (1100, 420),
        paper=None,
        ink=INK,
        lines=((name, 0.36, 0.27), ("day cream · 50 ml", 0.72, 0.12)),
        rules=(0.56,),
    )
    glass = wrapped(glass, print_, span=1.15, top=-0.08, bottom=0.50)
    top = turned(
        grid,
        ((-0.56, 0.655), (-0.53, 0.68), (-0.15, 0.68)),
        Material(lid, 0.32, 0.55),
        rounding=0.014,
    )
    return stacked(
        glass.layer, top.layer, disc(grid, y=-0.56, radius=0.655, colour=level(lid, 1.12))
    )


def mug(grid: Grid, *, glaze: Colour, foot: Colour) -> Layer:
    """A stoneware mug with a handle at its right."""
    body = turned(grid, MUG, Material(glaze, 0.34, 0.62), rounding=0.05)
    raw = between(0.52, 0.535, body.height + 0.008 * np.sin(body.angle * 5))
    clay = turned(grid, MUG, Material(foot, 0.02, 0.0), rounding=0.05).layer.colour
    outside = body.layer.painted(clay, raw)
    lip = disc(grid, y=-0.62, radius=0.520, colour=level(glaze, 1.05))
    inside = disc(grid, y=-0.617, radius=0.490, colour=_mouth(grid, glaze))
    return stacked(_handle(grid, glaze), outside, lip, inside)


def candle(grid: Grid, *, wax: Colour, glass: Colour, name: str) -> Layer:
    """A candle in a tinted tumbler, with a wick."""
    made = turned(
        grid,
        ((-0.72, 0.56), (0.60, 0.56), (0.68, 0.545), (0.72, 0.51)),
        Material(glass, 0.5, 0.9),
        rounding=0.02,
    )
    paper = label(
        (900, 620),
        paper=CREAM,
        ink=INK,
        lines=((name, 0.34, 0.17), ("scented candle", 0.58, 0.085), ("220 g", 0.80, 0.07)),
        rules=(0.69,),
    )
    made = wrapped(made, paper, span=0.82, top=-0.34, bottom=0.36)
    rim = disc(grid, y=-0.72, radius=0.56, colour=level(glass, 1.35))
    pool = disc(grid, y=-0.712, radius=0.535, colour=level(wax, 1.0))
    wick = grid.cover(
        np.minimum(
            0.009 - np.abs(grid.x + 0.004 * np.sin(20 * grid.y)),
            np.minimum(grid.y + 0.86, -0.712 - grid.y),
        )
    )
    thread = Layer(np.broadcast_to(level((70, 62, 54)), (*wick.shape, 3)).astype(np.float32), wick)
    return stacked(made.layer, rim, pool, thread)


def vase(grid: Grid, *, glaze: Colour, band: Colour) -> Layer:
    """A belly vase with a band of bare clay."""
    made = turned(
        grid,
        (
            (-0.98, 0.235), (-0.92, 0.20), (-0.72, 0.165), (-0.52, 0.20), (-0.28, 0.38),
            (0.02, 0.545), (0.30, 0.575), (0.60, 0.47), (0.84, 0.31), (0.94, 0.285), (0.98, 0.28),
        ),
        Material(glaze, 0.30, 0.55),
        rounding=0.07,
    )  # fmt: skip
    bare = between(0.02, 0.035, made.height) * (1 - between(0.235, 0.25, made.height))
    lines = 0.5 + 0.5 * np.sin(made.height * 260)
    clay = lit_like(made.layer.colour, glaze, band) * (0.94 + 0.06 * lines[..., None])
    body = made.layer.painted(clay.astype(np.float32), bare)
    lip = disc(grid, y=-0.975, radius=0.212, colour=level(glaze, 1.1))
    mouth = disc(grid, y=-0.972, radius=0.172, colour=level(glaze, 0.22))
    return stacked(body, lip, mouth)


def tin(grid: Grid, *, paint: Colour, lid: Colour, name: str) -> Layer:
    """A tea tin with a lid of metal."""
    body = turned(grid, ((-0.62, 0.50), (0.93, 0.50), (0.96, 0.49)), Material(paint, 0.26, 0.5))
    print_ = label(
        (1000, 1000),
        paper=None,
        ink=CREAM,
        lines=((name, 0.36, 0.17), ("LOOSE LEAF TEA", 0.53, 0.06), ("No. 7", 0.72, 0.10)),
        rules=(0.22, 0.62, 0.82),
    )
    body = wrapped(body, print_, span=1.25, top=-0.50, bottom=0.80)
    metal = Material(lid, 0.75, 0.75)
    top = turned(grid, ((-0.93, 0.47), (-0.90, 0.515), (-0.60, 0.515)), metal, rounding=0.012)
    knob = turned(grid, ((-1.04, 0.075), (-1.00, 0.085), (-0.93, 0.06)), metal, rounding=0.012)
    plate = disc(grid, y=-0.93, radius=0.47, colour=level(lid, 1.05))
    return stacked(body.layer, top.layer, plate, knob.layer)


def lamp(grid: Grid, *, shade: Colour, metal: Colour) -> Layer:
    """A table lamp whose linen shade glows."""
    brass = Material(metal, 0.85, 0.8)
    base = turned(
        grid, ((0.90, 0.30), (0.92, 0.33), (0.985, 0.33), (1.0, 0.32)), brass, rounding=0.008
    )
    foot = disc(grid, y=0.90, radius=0.305, colour=level(metal, 1.0))
    stem = turned(
        grid,
        (
            (-0.10, 0.028), (0.30, 0.028), (0.46, 0.10), (0.60, 0.135), (0.76, 0.10), (0.86, 0.035),
            (0.92, 0.05),
        ),
        brass,
        rounding=0.03,
    )  # fmt: skip
    cloth = turned(grid, ((-1.0, 0.36), (0.02, 0.66)), Material(shade, 0.04, 0.0), rounding=0.0)
    glow = np.exp(-((grid.x / 0.42) ** 2) - ((cloth.height + 0.42) / 0.42) ** 2)
    weave = 1 + 0.012 * np.sin(cloth.height * 420) + 0.010 * np.sin(cloth.angle * 300)
    warm = np.array([1.0, 0.90, 0.70], np.float32)
    lighted = (cloth.layer.colour * weave[..., None]) + 0.16 * glow[..., None] * warm
    seam = between(0.0, 0.012, 0.03 - np.abs(cloth.height - 0.005)) * 0.10
    seam = seam + between(0.0, 0.012, 0.03 - np.abs(cloth.height + 0.985)) * 0.10
    linen = Layer(
        np.clip(lighted * (1 - seam[..., None]), 0, 1).astype(np.float32), cloth.layer.alpha
    )
    opening = disc(grid, y=-1.0, radius=0.36, colour=level((255, 236, 200), 0.86))
    return stacked(base.layer, foot, stem.layer, linen, opening)


def lit_like(shown: Plane, was: Colour, now: Colour) -> Plane:
    """Screen colours of a surface as if it had another colour under the same light."""
    ratio = np.power((light_of(now) + 0.01) / (light_of(was) + 0.01), np.float32(1 / 2.2))
    changed: Plane = np.clip(shown * ratio, 0, 1)
    return changed


def _mouth(grid: Grid, glaze: Colour) -> Plane:
    """The inside of a mug: dark at the near wall, lighter where light falls on the far one."""
    depth = between(-0.665, -0.575, np.broadcast_to(grid.y, (grid.y.shape[0], grid.x.shape[1])))
    light = 0.30 + 0.38 * depth - 0.10 * np.clip(-grid.x, -0.5, 0.5)
    return screen(light_of(glaze) * light[..., None])


def _handle(grid: Grid, glaze: Colour) -> Layer:
    """A ring of a round rod: the distance to its middle line gives the rod's normals."""
    cx, cy, wide, high, rod = 0.52, -0.02, 0.27, 0.36, 0.070
    x, y = grid.x - np.float32(cx), grid.y - np.float32(cy)
    off = -ellipse(grid, at=(cx, cy), radii=(wide, high))
    across = np.clip(off / rod, -1, 1)
    length = np.sqrt((x / wide**2) ** 2 + (y / high**2) ** 2) + np.float32(1e-6)
    ux, uy = x / wide**2 / length, y / high**2 / length
    nz = np.sqrt(np.maximum(1 - across**2, 0))
    normal = ((ux * across).astype(np.float32), (uy * across).astype(np.float32), nz)
    colour = lit(normal, Material(glaze, 0.34, 0.62))
    inside = (rod - np.abs(off)).astype(np.float32)
    shadow = 1 - 0.45 * between(0.62, 0.44, np.broadcast_to(grid.x, inside.shape))
    return Layer(colour * shadow[..., None], grid.cover(inside))
