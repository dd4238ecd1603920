"""The studio: two soft boxes, a key light from the upper left and a bright table."""

from dataclasses import dataclass

import numpy as np

from imaging.samples.layers import Colour, Plane, between, light_of, screen

KEY = np.array([-0.48, -0.62, 0.62], np.float32) / np.float32(np.linalg.norm([0.48, 0.62, 0.62]))


@dataclass(frozen=True, slots=True)
class Material:
    """A surface: its colour (0–255), how much it shines, and how sharply (both 0–1)."""

    colour: Colour
    shine: float = 0.35
    polish: float = 0.5
    is_glass: bool = False


def lit(
    normal: tuple[Plane, Plane, Plane], material: Material, *, base: Plane | None = None
) -> Plane:
    """What the camera sees of a surface with these unit normals, as screen values (n, n, 3).

    ``base`` (n, n, 3), linear, replaces the material's colour where a surface has a pattern.
    """
    nx, ny, nz = normal
    nz = np.maximum(nz, 0)
    key = nx * KEY[0] + ny * KEY[1] + nz * KEY[2]
    wrapped = np.clip((key + 0.45) / 1.45, 0, 1) ** 1.35
    table = np.clip(ny, 0, 1) * 0.16
    fill = 0.20 + 0.16 * np.clip(nx, 0, 1)
    diffuse = 0.80 * wrapped + table + fill
    # The eye looks along z: the mirrored direction tells what of the studio is seen in the surface.
    rx, ry, rz = 2 * nz * nx, 2 * nz * ny, 2 * nz * nz - 1
    around, up = np.arctan2(rx, rz), -ry
    blur = 0.26 * (1 - material.polish) + 0.03
    left = _box(around, centre=-0.98, half=0.26, blur=blur) * between(-0.75, 0.15 - blur, up + 0.4)
    right = _box(around, centre=1.30, half=0.13, blur=blur) * between(-0.75, 0.15 - blur, up + 0.4)
    above = between(0.62 - blur, 0.80 + blur, up)
    rim = (1 - nz) ** 4
    sheen = (
        material.shine * (0.95 * left + 0.50 * right + 0.55 * above) + 0.25 * material.shine * rim
    )
    colour = light_of(material.colour) if base is None else base
    body = colour * (_glass(nz) * diffuse if material.is_glass else diffuse)[..., None]
    return screen(body + sheen[..., None])


def _glass(nz: Plane) -> Plane:
    """Coloured glass is darkest where one looks along it, and glows where light comes through."""
    return (0.38 + 0.75 * nz**1.5).astype(np.float32)


def _box(around: Plane, *, centre: float, half: float, blur: float) -> Plane:
    off = np.abs(around - np.float32(centre))
    return 1 - between(half - blur, half + blur, off)
