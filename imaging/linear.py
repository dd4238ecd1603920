"""sRGB and linear light: pictures are stored in the one, light adds up in the other."""

import numpy as np
import numpy.typing as npt

from imaging.work import Pixels, Plane

_STEPS = 16_384  # of linear light: a fifth of an sRGB level where they are coarsest


def _to_linear(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """IEC 61966-2-1: sRGB values 0–1 to linear light 0–1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004


def _to_srgb(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """IEC 61966-2-1: linear light 0–1 to sRGB values 0–1."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004


_LIGHT_OF = _to_linear(np.arange(256) / 255).astype(np.float32)
_VALUE_OF = (255 * _to_srgb(np.arange(_STEPS) / (_STEPS - 1))).astype(np.float32)


def light_of(pixels: Pixels) -> Plane:
    """The linear light (0–1) of sRGB levels, uint8."""
    light: Plane = _LIGHT_OF[pixels]
    return light


def values_of(light: Plane) -> Plane:
    """The sRGB values (0–255, not rounded) of linear light; brighter than white is white."""
    steps = np.clip(light, 0, 1) * np.float32(_STEPS - 1) + np.float32(0.5)
    values: Plane = _VALUE_OF[steps.astype(np.uint16)]
    return values


def light_of_colour(colour: str) -> Plane:
    """The linear light (3,) of a colour written as ``#rrggbb``."""
    return light_of(np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8))
