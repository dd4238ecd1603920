"""Enlarge the decoded picture to the canvas, band by band, with edges that are sharp and in place.

Pillow's Lanczos, which neither moves the picture by half a pixel (as libvips' upsizing did) nor
rings far; what it rings is cut off at the brightest and darkest of the source pixels around. The
edges are then sharpened, the noise between them is not.
"""

import math
from typing import Any

import cv2
import numpy as np
from PIL import Image

from imaging.channels import lightness
from imaging.unmix import unmixed_from_white
from imaging.upscale_recipe import Mode
from imaging.work import Pixels, Plane, Work

# Output rows worked on at once: floating-point planes of 100 megapixels would take gigabytes.
_BAND_PIXELS = 2_000_000
# How much of the fine detail is added, and beyond which step (levels) it is an edge, not noise.
_AMOUNT = {"photo": 0.55, "text": 1.3}
_NOISE, _EDGE = 2.0, 10.0
# Levels by which an edge may overshoot the source pixels around it.
_OVERSHOOT = 3.0
# The share of the enlargement by which detail is finer than what is kept.
_SIGMA = 0.55
# Looked at to tell pixel art and text from photos.
_LOOK_PX = 1024
_MOST_PIXEL_COLOURS, _LARGEST_PIXEL_ART_PX = 64, 512
_MOST_BETWEEN = 0.05
_TWO_LEVELS, _NEAR, _APART = 0.85, 24, 100


def enlarge(work: Work, *, mode: Mode) -> None:
    """Fill ``canvas``: (height, width, 3), or 4 where the format keeps the source's alpha."""
    decoded = work.decoded
    assert decoded is not None
    chosen = _mode_of(decoded.pixels) if mode == "auto" else mode
    work.plan["upscale"] = {
        "mode": chosen,
        "factor": round(work.recipe.width_px / decoded.pixels.shape[1], 4),
    }
    size = work.recipe.width_px, work.recipe.height_px
    keeps_alpha = decoded.alpha is not None and work.recipe.output_format != "jpeg"
    canvas = np.empty((size[1], size[0], 4 if keeps_alpha else 3), np.uint8)
    source = decoded.pixels
    if keeps_alpha and decoded.alpha is not None:
        source = unmixed_from_white(source, decoded.alpha)
    rows = max(16, _BAND_PIXELS // size[0])
    for top in range(0, size[1], rows):
        work.clock.left_s()
        band = slice(top, min(size[1], top + rows))
        canvas[band, :, :3] = _enlarged(source, size, band=band, mode=chosen)
        if keeps_alpha:
            canvas[band, :, 3] = _plain(decoded.alpha, size, band=band, mode=chosen)
    work.canvas = canvas


def _enlarged(pixels: Pixels, size: tuple[int, int], *, band: slice, mode: Mode) -> Pixels:
    if mode == "pixel":
        return _plain(pixels, size, band=band, mode=mode)
    scale = size[0] / pixels.shape[1]
    sigma = _SIGMA * scale
    # Rows above and below, so that the filters see across the ends of the band.
    room = math.ceil(3 * sigma) + 1
    wide = slice(max(0, band.start - room), min(size[1], band.stop + room))
    part = _resized(pixels, size, band=wide, how=Image.Resampling.LANCZOS).astype(np.float32)
    low, high = _extremes(pixels, size, band=wide)
    sharp = _sharpened(part, sigma, amount=_AMOUNT[mode])
    sharp = np.clip(sharp, low - _OVERSHOOT, high + _OVERSHOOT)
    inner = sharp[band.start - wide.start : band.stop - wide.start]
    whole: Pixels = np.clip(inner + 0.5, 0, 255).astype(np.uint8)
    return whole


def _sharpened(part: Plane, sigma: float, *, amount: float) -> Plane:
    """Add fine detail of the lightness, by as much as it is an edge; hues stay."""
    light = lightness(part)
    detail = light - cv2.GaussianBlur(light, (0, 0), sigma)
    share = np.clip((np.abs(detail) - _NOISE / 2) / (_EDGE / 2), 0, 1)
    added: Plane = part + (amount * share * detail)[..., None]
    return added


def _extremes(pixels: Pixels, size: tuple[int, int], *, band: slice) -> tuple[Plane, Plane]:
    """The darkest and brightest source pixels around each pixel of the band, by channel."""
    square = np.ones((3, 3), np.uint8)
    first, last = _source_rows(pixels, size, band=band)
    near = pixels[max(0, first - 1) : last + 1]
    inner = slice(first - max(0, first - 1), None)
    ends = []
    for reach in (cv2.erode, cv2.dilate):
        reached = reach(near, square)[inner][: last - first]
        box_top = band.start * pixels.shape[0] / size[1] - first
        box = 0.0, box_top, pixels.shape[1], box_top + _span(pixels, size, band=band)
        image = Image.fromarray(np.ascontiguousarray(reached))
        rows = band.stop - band.start
        scaled = image.resize((size[0], rows), Image.Resampling.BILINEAR, box=box)
        ends.append(np.asarray(scaled).astype(np.float32))
    return ends[0], ends[1]


def _resized(pixels: Pixels, size: tuple[int, int], *, band: slice, how: Any) -> Pixels:
    """The rows of the band of the picture at ``size``, as if the whole had been resized."""
    first, last = _source_rows(pixels, size, band=band)
    top = band.start * pixels.shape[0] / size[1] - first
    box = 0.0, top, pixels.shape[1], top + _span(pixels, size, band=band)
    image = Image.fromarray(np.ascontiguousarray(pixels[first:last]))
    return np.asarray(image.resize((size[0], band.stop - band.start), how, box=box))


def _source_rows(pixels: Pixels, size: tuple[int, int], *, band: slice) -> tuple[int, int]:
    """The source rows that the band is made of, with those that its filter reaches."""
    height, reach = pixels.shape[0], 4
    first = max(0, math.floor(band.start * height / size[1]) - reach)
    return first, min(height, math.ceil(band.stop * height / size[1]) + reach)


def _span(pixels: Pixels, size: tuple[int, int], *, band: slice) -> float:
    rows: int = band.stop - band.start
    return rows * float(pixels.shape[0]) / size[1]


def _plain(plane: Pixels | None, size: tuple[int, int], *, band: slice, mode: Mode) -> Pixels:
    assert plane is not None
    how = Image.Resampling.NEAREST if mode == "pixel" else Image.Resampling.LANCZOS
    return _resized(plane, size, band=band, how=how)


def _mode_of(pixels: Pixels) -> Mode:
    """Tell pixel art and text from photos by the middle of the picture."""
    height, width = pixels.shape[:2]
    top, left = max(0, (height - _LOOK_PX) // 2), max(0, (width - _LOOK_PX) // 2)
    middle = pixels[top : top + _LOOK_PX, left : left + _LOOK_PX]
    light = middle.astype(np.int16).mean(axis=2)
    if max(height, width) <= _LARGEST_PIXEL_ART_PX and _has_few_colours(middle):
        between = _between_share(light)
        if between is not None and between < _MOST_BETWEEN:
            return "pixel"
    dark, bright = np.percentile(light, (1, 99))
    near = (light < dark + _NEAR) | (light > bright - _NEAR)
    return "text" if bright - dark > _APART and near.mean() > _TWO_LEVELS else "photo"


def _has_few_colours(pixels: Pixels) -> bool:
    codes = pixels.astype(np.int32) @ np.array([65536, 256, 1])
    return len(np.unique(codes)) <= _MOST_PIXEL_COLOURS


def _between_share(light: Plane) -> float | None:
    """Of all edges along rows, the share that pass through a level in between: smoothed ones."""
    steps = np.diff(light, axis=1)
    edges = int((np.abs(steps) > _NEAR).sum())
    smoothed = (steps[:, :-1] * steps[:, 1:] > 0).sum()
    return smoothed / edges if edges else None
