"""Measure how far a render turned the hues of a product, in degrees of the CIELAB a*b* plane."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

# What has less chroma is grey to the eye, and its direction is noise.
LEAST_CHROMA = 10.0


def hue_turns(
    before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """How far each coloured pixel inside turned, 0–180 degrees; both pictures lie on one canvas."""
    was, became = _lab(before), _lab(after)
    coloured = inside & (np.hypot(was[..., 1], was[..., 2]) > LEAST_CHROMA)
    angles = [np.arctan2(lab[coloured, 2], lab[coloured, 1]) for lab in (was, became)]
    turned = np.degrees(angles[1] - angles[0])
    return np.abs((turned + 180) % 360 - 180).astype(np.float32)


def placed(
    source: npt.NDArray[Any], placement: Mapping[str, Any], size: tuple[int, int]
) -> npt.NDArray[Any]:
    """A picture or mask of the source where a plan's placement puts it on a canvas, over white."""
    scale, (x, y) = placement["scale"], placement["offset"]
    move = np.array([[scale, 0, x + scale / 2 - 0.5], [0, scale, y + scale / 2 - 0.5]])
    if scale < 1:
        source = cv2.GaussianBlur(source, (0, 0), 0.4 / scale)
    return cv2.warpAffine(source, move, size, borderValue=[255.0] * 3)


def _lab(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    # Blurred, so that sensor noise and a pixel's part of a shift do not count as hue.
    soft = cv2.GaussianBlur(pixels.astype(np.float32) / 255, (0, 0), 2)
    return np.asarray(cv2.cvtColor(soft, cv2.COLOR_RGB2LAB), np.float32)
