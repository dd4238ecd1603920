"""Measure the facts of a picture: the gate, one decode, and the look that a render takes, too."""

import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from imaging.channels import strongest
from imaging.facts import ColourSpace, Facts
from imaging.header import Header
from imaging.limits import Limits, inspect
from imaging.look import look
from imaging.recipe import Recipe
from imaging.rendered import Box
from imaging.steps.decode import make_probe, read
from imaging.work import Backdrop, Clock, Decoded, Mask, Pixels, Silhouette, Work

# More are decoded shrunk: the exact levels of 48 megapixels would cost half a second.
MOST_PIXELS = 16_000_000
BORDER_SHARE = 0.02
# Probe pixels around the subject that are neither subject nor backdrop.
OUTLINE_PX = 2
LIGHT = 250
WHITE = 255
SHARPNESS_SIDE_PX = 1000
# ITU-T T.81, K.1: the luminance table that qualities are scaled from; the sum of its 64 entries.
LUMINANCE_SUM = 3_688
CMYK_BANDS = 4


def measure(source: Path, limits: Limits) -> Facts:
    """Measure the picture at ``source``; nothing is written.

    Raises InvalidImage as ``limits.inspect`` does, ``malformed_image`` for broken pixels, and
    Unavailable ``timeout`` when the deadline passes.
    """
    header = inspect(source, limits)
    work = Work(source, Recipe(), Path(os.devnull), limits, header, Clock(limits.deadline_s))
    whole = (0.0, 0.0, float(header.width_px), float(header.height_px))
    work.decoded = read(work, _shrink(header), region=whole)
    make_probe(work)
    found = look(work)
    assert work.backdrop is not None
    border = _border(work.decoded.pixels.shape)
    white = _Whiteness(work.decoded)
    behind = _behind(work.decoded.pixels.shape, work.backdrop, found)
    behind = border if behind is None else behind
    fills = _fills(found, header)
    return Facts(
        format=header.format,
        width_px=header.width_px,
        height_px=header.height_px,
        size_bytes=source.stat().st_size,
        pages=header.pages,
        bit_depth=header.bits,
        colour_space=_colour_space(header),
        colour_profile=header.profile,
        jpeg_quality=_jpeg_quality(source) if header.format == "jpeg" else None,
        transparent_share=white.transparent_share,
        border_pure_share=white.pure_share(border) or 0.0,
        border_light_share=white.light_share(border) or 0.0,
        background_kind=work.backdrop.kind,
        background_pure_share=white.pure_share(behind),
        background_light_share=white.light_share(behind),
        background_spread=_spread(work, found),
        subject_box=None if found is None else _rounded(found.box),
        subject_confidence=None if found is None else found.confidence,
        fill_longest=fills[0],
        fill_box=fills[1],
        fill_outline=fills[2],
        touches_edge=None if found is None else bool(found.cropped),
        sharpness=_sharpness(work.decoded.pixels, found),
    )


class _Whiteness:
    """How white the pixels of a decoded picture are; a transparent one is white on no page."""

    def __init__(self, decoded: Decoded) -> None:
        opaque = None if decoded.alpha is None else decoded.alpha == WHITE
        darkest = cv2.min(cv2.min(*cv2.split(decoded.pixels)[:2]), decoded.pixels[..., 2])
        self._pure, self._light = darkest == WHITE, darkest >= LIGHT
        if opaque is not None:
            self._pure, self._light = self._pure & opaque, self._light & opaque
        self.transparent_share = 0.0 if opaque is None else round(float((~opaque).mean()), 4)

    def pure_share(self, where: Mask) -> float | None:
        """The share of those pixels that are exactly white; None of none."""
        return _share(self._pure, where)

    def light_share(self, where: Mask) -> float | None:
        """The share of those pixels that are nearly white; None of none."""
        return _share(self._light, where)


def _share(marked: Mask, where: Mask) -> float | None:
    count = int(np.count_nonzero(where))
    # Cut off, not rounded: one wrong pixel of a million is not a share of 1.
    return None if not count else int(np.count_nonzero(marked & where) / count * 1e4) / 1e4


def _shrink(header: Header) -> int:
    shrink = 1
    while header.width_px * header.height_px / shrink**2 > MOST_PIXELS:
        shrink *= 2
    return min(shrink, 8)


def _border(shape: tuple[int, ...]) -> Mask:
    height, width = shape[:2]
    thickness = max(1, round(BORDER_SHARE * min(height, width)))
    border = np.ones((height, width), bool)
    border[thickness : height - thickness, thickness : width - thickness] = False
    return border


def _behind(shape: tuple[int, ...], backdrop: Backdrop, found: Silhouette | None) -> Mask | None:
    """The pixels that are backdrop or shadow; None where no one backdrop is seen."""
    height, width = shape[:2]
    if backdrop.kind == "cluttered":
        return None
    if found is None:
        return np.ones((height, width), bool)
    subject = cv2.resize(_around(found.mask), (width, height), interpolation=cv2.INTER_NEAREST)
    behind: Mask = subject == 0
    return behind


def _around(mask: Mask) -> Mask:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * OUTLINE_PX + 1, 2 * OUTLINE_PX + 1))
    around: Mask = cv2.dilate(mask.astype(np.uint8), disc)
    return around


def _spread(work: Work, found: Silhouette | None) -> float:
    assert work.probe is not None
    assert work.backdrop is not None
    behind = _behind(work.probe.shape, work.backdrop, found)
    levels = work.probe[_border(work.probe.shape) if behind is None else behind]
    if not len(levels):
        return 0.0
    off = strongest(np.abs(levels - np.median(levels, axis=0)))
    return round(float(np.percentile(off, 95)), 1)


def _fills(found: Silhouette | None, header: Header) -> tuple[float | None, ...]:
    if found is None:
        return None, None, None
    across, down = found.box[2] / header.width_px, found.box[3] / header.height_px
    outline = float(found.mask.mean())
    return round(max(across, down), 4), round(across * down, 4), round(outline, 4)


def _rounded(box: Box) -> Box:
    return round(box[0], 1), round(box[1], 1), round(box[2], 1), round(box[3], 1)


def _colour_space(header: Header) -> ColourSpace:
    if header.bands == CMYK_BANDS and not header.has_alpha:
        return "cmyk"
    return "grey" if header.bands - header.has_alpha == 1 else "rgb"


def _jpeg_quality(source: Path) -> int | None:
    """The quality that an encoder of the IJG family would have been asked for; None if unclear."""
    with Image.open(source, formats=("JPEG",)) as picture:
        tables: dict[int, list[int]] = getattr(picture, "quantization", {})
    if 0 not in tables:
        return None
    scale = 100 * sum(tables[0]) / LUMINANCE_SUM
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale  # noqa: PLR2004 - per cent
    return min(100, max(1, round(quality)))


def _sharpness(pixels: Pixels, found: Silhouette | None) -> float:
    height, width = pixels.shape[:2]
    factor = min(1.0, SHARPNESS_SIDE_PX / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    edges = cv2.Laplacian(grey, cv2.CV_32F)
    if found is not None:
        inside = cv2.resize(found.mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        inside = cv2.erode(inside, np.ones((5, 5), np.uint8))
        if inside.any():
            return round(float(edges[inside > 0].var()), 1)
    return round(float(edges.var()), 1)
