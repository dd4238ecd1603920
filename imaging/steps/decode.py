"""Decode the source once, as small as the output allows, and make the probe from it.

One decode serves the probe, the edges and the final pass: at 12 megapixels a second decode would
cost 27 to 72 of 200 milliseconds. The shrink is chosen for a subject that fills most of the frame;
``reread`` decodes a region again where the subject turns out to be small.
"""

import math
import time
from typing import Any

import cv2
import numpy as np
import pyvips

from domain.errors import InvalidImage
from imaging.limits import Header
from imaging.plan import fitting_shrink
from imaging.rendered import Box
from imaging.work import Clock, Decoded, Pixels, Work

PROBE_PX = 320
# A subject is rarely a smaller share of the frame than this.
_LIKELY_SUBJECT = 0.6
# Decoded pixels kept in memory at once: 100 MiB.
_WORKING_PIXELS = 33_000_000
_LARGEST_SHRINK = 8


def decode(work: Work) -> None:
    """Fill ``decoded`` and ``probe``; raises InvalidImage ``malformed_image`` for broken data."""
    header = work.header
    whole = (0.0, 0.0, float(header.width_px), float(header.height_px))
    _, _, width, height = work.recipe.inner_box()
    scale = min(width / header.width_px, height / header.height_px) / _LIKELY_SUBJECT
    shrink = _bounded(fitting_shrink(scale), header)
    work.decoded = read(work, shrink, region=whole)
    work.plan["decode"] = {"shrink": shrink}
    make_probe(work)


def make_probe(work: Work) -> None:
    """Fill ``probe``, and ``probe_alpha`` of a picture with transparency, from what is decoded."""
    assert work.decoded is not None
    work.probe = _probe(work.decoded.pixels).astype(np.float32)
    if work.decoded.alpha is not None:
        work.probe_alpha = _probe(work.decoded.alpha).astype(np.float32)


def decode_whole(work: Work) -> None:
    """Fill ``decoded`` with every pixel of the source; raises as ``decode`` does."""
    whole = (0.0, 0.0, float(work.header.width_px), float(work.header.height_px))
    work.decoded = read(work, 1, region=whole)


def reread(work: Work) -> None:
    """Decode the visible region again if the placement needs finer pixels than there are."""
    placement = work.placement
    if placement is None or work.decoded is None or placement.shrink >= work.decoded.shrink:
        return
    work.decoded = read(work, placement.shrink, region=placement.region)
    work.plan["decode"] = {"shrink": placement.shrink, "reread": True}


def _bounded(shrink: int, header: Header) -> int:
    pixels = header.width_px * header.height_px
    while shrink < _LARGEST_SHRINK and pixels / shrink**2 > _WORKING_PIXELS:
        shrink *= 2
    # A picture of a few pixels a side would vanish.
    while shrink > 1 and min(header.width_px, header.height_px) < 2 * shrink:
        shrink //= 2
    return shrink


def read(work: Work, shrink: int, *, region: Box) -> Decoded:
    """Decode a region of the upright source, given in source pixels, shrunk by the loader."""
    started = time.perf_counter()
    header = work.header
    try:
        image = _upright(_loaded(work, shrink), header)
        scale = image.width / header.width_px, image.height / header.height_px
        left, top, width, height = _in_pixels(region, scale, image)
        if (width, height) != (image.width, image.height):
            image = image.crop(left, top, width, height)
        pixels, alpha = _to_memory(_in_srgb(image, header), work.clock)
    except pyvips.Error as error:
        work.clock.left_s()
        raise _malformed(header) from error
    finally:
        work.clock.add("decode_ms", time.perf_counter() - started)
    found = (left / scale[0], top / scale[1], width / scale[0], height / scale[1])
    return Decoded(pixels=pixels, alpha=alpha, shrink=shrink, scale=scale, region=found)


def _loaded(work: Work, shrink: int) -> Any:
    """Open with the loader of the format the gate saw, so that no other can be tricked in."""
    path = str(work.source)
    common = {"access": "sequential", "fail_on": "warning"}
    match work.header.format:
        case "jpeg":
            return pyvips.Image.jpegload(path, shrink=shrink, **common)
        case "webp":
            return pyvips.Image.webpload(path, scale=1 / shrink, **common)
        case "png":
            image = pyvips.Image.pngload(path, **common)
            return image.shrink(shrink, shrink) if shrink > 1 else image


def _upright(image: Any, header: Header) -> Any:
    return image if header.orientation == 1 else image.copy_memory().autorot()


def _in_pixels(region: Box, scale: tuple[float, float], image: Any) -> tuple[int, int, int, int]:
    left = max(0, math.floor(region[0] * scale[0]))
    top = max(0, math.floor(region[1] * scale[1]))
    right = min(image.width, math.ceil((region[0] + region[2]) * scale[0]))
    bottom = min(image.height, math.ceil((region[1] + region[3]) * scale[1]))
    return left, top, max(1, right - left), max(1, bottom - top)


def _in_srgb(image: Any, header: Header) -> Any:
    """Eight-bit sRGB; the embedded profile decides, unless it is sRGB itself or unreadable."""
    is_srgb = header.profile == "srgb" and image.bands in {3, 4}
    if header.has_icc and not is_srgb:
        try:
            return image.icc_transform(
                "srgb", embedded=True, black_point_compensation=True, depth=8
            )
        except pyvips.Error:
            pass  # A broken profile is like none: browsers show such pictures as sRGB, too.
    return image if image.interpretation == "srgb" else image.colourspace("srgb")


def _to_memory(image: Any, clock: Clock) -> tuple[Pixels, Pixels | None]:
    image.set_progress(True)
    deadline = clock.left_s()

    def stop_when_late(image: Any, progress: Any) -> None:
        if progress.run > deadline:
            image.set_kill(True)

    image.signal_connect("eval", stop_when_late)
    pixels: Pixels = image.numpy()
    if pixels.ndim == 2:  # noqa: PLR2004 - one band
        pixels = pixels[..., None]
    colours = pixels.shape[2]
    if colours in {1, 3}:
        return (pixels if colours == 3 else np.repeat(pixels, 3, axis=2)), None  # noqa: PLR2004
    return _flattened(pixels)


def _flattened(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    alpha = np.ascontiguousarray(pixels[..., -1])
    colour = pixels[..., :3] if pixels.shape[2] == 4 else np.repeat(pixels[..., :1], 3, axis=2)  # noqa: PLR2004
    if alpha.min() == 255:  # noqa: PLR2004 - opaque everywhere
        return np.ascontiguousarray(colour), None
    cover = alpha[..., None].astype(np.uint16)
    over_white = (colour * cover + 255 * (255 - cover) + 127) // 255
    return over_white.astype(np.uint8), alpha


def _probe(pixels: Pixels) -> Pixels:
    """The picture at the probe's size, whatever its own: the longer side has 320 pixels.

    Area means, over every n-th row where there are rows to spare: the mean of all of 12 megapixels
    takes 33 ms and this one 11, and what is left still averages the noise of dozens of pixels. A
    smaller picture is enlarged, so that every later step works at one scale.
    """
    height, width = pixels.shape[:2]
    factor = PROBE_PX / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if factor >= 1:
        return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    step = max(1, height // (size[1] * 4))
    return cv2.resize(np.ascontiguousarray(pixels[::step]), size, interpolation=cv2.INTER_AREA)


def _malformed(header: Header) -> InvalidImage:
    return InvalidImage(
        "malformed_image",
        f"The {header.format.upper()} file is broken: its pixels cannot be decoded to the end.",
        param="image",
        fix="Send the whole file again; it may have been cut short on its way.",
    )
