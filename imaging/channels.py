"""Per-pixel reductions over the three channels, several times faster than NumPy's along an axis.

Reducing an axis of length three took 54 of 330 milliseconds of a render at 12 megapixels.
"""

import numpy as np

from imaging.work import Plane


def strongest(plane: Plane) -> Plane:
    """The largest channel of every pixel: (h, w, 3) to (h, w)."""
    largest: Plane = np.maximum(np.maximum(plane[..., 0], plane[..., 1]), plane[..., 2])
    return largest


def weakest(plane: Plane) -> Plane:
    """The smallest channel of every pixel: (h, w, 3) to (h, w)."""
    smallest: Plane = np.minimum(np.minimum(plane[..., 0], plane[..., 1]), plane[..., 2])
    return smallest


def lightness(plane: Plane) -> Plane:
    """The mean of the channels of every pixel: (h, w, 3) to (h, w)."""
    mean: Plane = (plane[..., 0] + plane[..., 1] + plane[..., 2]) * np.float32(1 / 3)
    return mean


def tint(plane: Plane) -> Plane:
    """How far the channels of every pixel lie apart: (h, w, 3) to (h, w)."""
    return strongest(plane) - weakest(plane)


def dot(one: Plane, other: Plane) -> Plane:
    """The inner product of the channels of every pixel: (h, w, 3) twice to (h, w)."""
    product: Plane = (
        one[..., 0] * other[..., 0] + one[..., 1] * other[..., 1] + one[..., 2] * other[..., 2]
    )
    return product
