"""Scale the visible region of the source onto the canvas, with white where there is no source."""

import math

import numpy as np
import pyvips
from PIL import Image

from imaging.unmix import unmixed_from_white
from imaging.work import Decoded, Pixels, Placement, Work


def resample(work: Work) -> None:
    """Fill ``canvas``: (height, width, 3), white outside the source.

    Shrinking is libvips' Lanczos 3 (26 ms for 12 to 4 megapixels; Pillow takes 219). Enlarging is
    Pillow's: libvips moved the picture by half a pixel (PSNR 25.3 against 27.8).
    """
    decoded, placement = work.decoded, work.placement
    assert decoded is not None
    assert placement is not None
    size = work.recipe.width_px, work.recipe.height_px
    work.canvas = np.full((size[1], size[0], 3), 255, np.uint8)
    columns = _axis(decoded, placement, axis=0, length_px=size[0])
    rows = _axis(decoded, placement, axis=1, length_px=size[1])
    shrinks = min(columns.length / columns.taken, rows.length / rows.taken) <= 1
    scaled = (_shrunk if shrinks else _enlarged)(decoded.pixels, columns, rows)
    work.canvas[rows.at : rows.at + rows.length, columns.at : columns.at + columns.length] = scaled
    work.facts["window"] = (columns.at, rows.at, columns.length, rows.length)


def cut_by_alpha(work: Work) -> None:
    """Fill ``cover`` with the source's alpha and turn the canvas into the subject's own colours."""
    decoded, placement, canvas = work.decoded, work.placement, work.canvas
    assert decoded is not None
    assert decoded.alpha is not None
    assert placement is not None
    assert canvas is not None
    columns = _axis(decoded, placement, axis=0, length_px=work.recipe.width_px)
    rows = _axis(decoded, placement, axis=1, length_px=work.recipe.height_px)
    shrinks = min(columns.length / columns.taken, rows.length / rows.taken) <= 1
    scaled = (_shrunk if shrinks else _enlarged)(decoded.alpha, columns, rows)
    work.cover = np.zeros(canvas.shape[:2], np.uint8)
    work.cover[rows.at : rows.at + rows.length, columns.at : columns.at + columns.length] = scaled
    work.canvas = unmixed_from_white(canvas, work.cover)


class _Axis:
    """One axis of the move: ``taken`` decoded pixels from ``start`` become ``length`` at ``at``."""

    def __init__(self, start: int, taken: int, at: int, length: int) -> None:
        self.start, self.taken, self.at, self.length = start, taken, at, length


def _axis(decoded: Decoded, placement: Placement, *, axis: int, length_px: int) -> _Axis:
    ratio = placement.scale / decoded.scale[axis]
    origin = decoded.region[axis] * placement.scale + placement.offset[axis]
    available = decoded.pixels.shape[1 - axis]
    # Start on a decoded pixel whose left end lies nearest to a whole canvas pixel.
    start = max(0, math.floor(-origin / ratio + 1e-6))
    stop = min(available, math.ceil((length_px - origin) / ratio - 1e-6))
    taken = max(1, stop - start)
    at = min(max(0, round(origin + start * ratio)), length_px - 1)
    end = min(length_px, max(at + 1, round(origin + (start + taken) * ratio)))
    return _Axis(start, taken, at, end - at)


def _shrunk(pixels: Pixels, columns: _Axis, rows: _Axis) -> Pixels:
    height, width = pixels.shape[:2]
    bands = pixels.size // (height * width)
    source = pyvips.Image.new_from_memory(pixels.reshape(-1).data, width, height, bands, "uchar")
    if (columns.taken, rows.taken) != (width, height):
        source = source.crop(columns.start, rows.start, columns.taken, rows.taken)
    scaled = source.resize(columns.length / columns.taken, vscale=rows.length / rows.taken)
    if (scaled.width, scaled.height) != (columns.length, rows.length):
        scaled = scaled.embed(0, 0, columns.length, rows.length, extend="copy")
    memory: Pixels = scaled.numpy()
    return memory


def _enlarged(pixels: Pixels, columns: _Axis, rows: _Axis) -> Pixels:
    part = pixels[
        rows.start : rows.start + rows.taken, columns.start : columns.start + columns.taken
    ]
    scaled = Image.fromarray(np.ascontiguousarray(part)).resize(
        (columns.length, rows.length), Image.Resampling.LANCZOS
    )
    return np.asarray(scaled)
