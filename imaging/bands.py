"""Lay a smooth plane of the probe over the canvas, band by band.

The canvas is worked on in bands of rows, so that a plane of floating-point numbers as large as a
canvas of 100 megapixels (1.2 GB) never exists.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from imaging.work import Pixels, Plane, Work

_BAND_ROWS = 256
# Cells of the grid between probe and canvas, along the canvas' longer side.
_GRID_CELLS = 256


def bands(plane: Plane, work: Work) -> Iterator[tuple[int, Pixels, Plane]]:
    """Each band of the canvas: its first row, a view of its pixels, and the plane over them.

    Beyond the ends of the source, the plane goes on as it ends.
    """
    canvas = work.canvas
    assert canvas is not None
    grid, step = _on_grid(plane, work)
    height, width = canvas.shape[:2]
    for top in range(0, height, _BAND_ROWS):
        bottom = min(height, top + _BAND_ROWS)
        # One more grid row above and below, so that bands join without a seam.
        low, high = max(0, top // step - 1), min(grid.shape[0], -(-bottom // step) + 1)
        size = grid.shape[1] * step, (high - low) * step
        rows = cv2.resize(grid[low:high], size, interpolation=cv2.INTER_LINEAR)
        over = np.ascontiguousarray(rows[top - low * step : bottom - low * step, :width])
        yield top, canvas[top:bottom], over


def over_rows(plane: Plane, rows: slice, size: tuple[int, int]) -> Plane:
    """Some rows of a smaller copy of the canvas, (h, w) or (h, w, 3), at the canvas' own scale.

    ``size`` is the canvas' width and height.
    """
    across, down = plane.shape[1] / size[0], plane.shape[0] / size[1]
    start = (rows.start + 0.5) * down - 0.5
    move = np.array([[across, 0, 0.5 * across - 0.5], [0, down, start]], np.float32)
    band = size[0], rows.stop - rows.start
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    over: Plane = cv2.warpAffine(plane, move, band, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return over


def _on_grid(plane: Plane, work: Work) -> tuple[Plane, int]:
    """The plane on a grid that divides the canvas by a whole step."""
    placement, header, recipe = work.placement, work.header, work.recipe
    assert placement is not None
    step = max(1, max(recipe.width_px, recipe.height_px) // _GRID_CELLS)
    size = -(-recipe.width_px // step), -(-recipe.height_px // step)
    unit = plane.shape[1] / header.width_px, plane.shape[0] / header.height_px
    # Grid cell i has its centre at canvas (i + 0.5) * step; OpenCV counts from pixel centres.
    along = [step / placement.scale * unit[axis] for axis in (0, 1)]
    start = [
        (0.5 * step - placement.offset[axis]) / placement.scale * unit[axis] - 0.5
        for axis in (0, 1)
    ]
    move = np.array([[along[0], 0, start[0]], [0, along[1], start[1]]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grid: Plane = cv2.warpAffine(plane, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return grid, step
