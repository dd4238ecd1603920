"""Cut the subject out of a plain backdrop on the canvas: its alpha, and colours without a rim.

Along the outline of the mask a pixel is a mixture of the product's colour and the backdrop's, both
known from a little further in and out. Its share of the one is its alpha; the other is taken out of
it. All in linear light, in which a lens mixes. What the mask is sure of is not asked again, so a
highlight inside the product is no hole, and a shadow beside it is no product.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from imaging.bands import over_rows
from imaging.channels import dot
from imaging.holes import holes
from imaging.linear import light_of, values_of
from imaging.work import Mask, Pixels, Plane, Silhouette, Work

# Longest side, in pixels, of the copy on which the colours in and out of the outline are found.
_SMALL_PX = 640
_BAND_ROWS = 256
# In probe pixels. The mask's outline lies up to 3.0 outside the product's (480 synthetic photos
# without a shadow) and up to 2.8 inside (in a soft shadow): so far from it a pixel may be either.
_SURE, _UNSURE = 3.8, 2.4
# From where the colours in and out are taken, and how far they reach.
_BEYOND, _GATHER = 2.5, 2.5
# Once cut out roughly, the outline is known so much better.
_FINER = 3.0
# Where product and backdrop differ in hue (the squared sine between their colours), a darker
# backdrop can be told from a share of the product: from the first on, wholly from the second on.
_HUES = (0.03, 0.10)
_LEAST_HUE = 0.03
# Levels by which product and backdrop must differ for their mixture to tell anything: less is as
# much as noise, and the mask decides, moved in by what it usually lies too far out.
_TELLS = (16.0, 48.0)
_TOO_FAR_OUT = 1.0
# Outside the mask, where no hue tells product from shadow, the share from which a pixel is product
# at all and from which it is so wholly: a soft shadow takes less of the light.
_NO_SHADOW = (0.5, 0.9)
_OUTSIDE = (0.2, 0.8)
# Alpha below and above which a pixel is backdrop or product: noise and rounding.
_FOOT, _HEAD = 0.06, 0.94
_LEAST_COVER = 0.15


def cut_out(work: Work) -> None:
    """Fill ``cover`` (uint8 alpha of the canvas) and turn the canvas into the subject's colours."""
    canvas = work.canvas
    assert canvas is not None
    assert work.silhouette is not None
    guide = _guide(work, work.silhouette)
    height, width = canvas.shape[:2]
    cover = np.zeros((height, width), np.uint8)
    for top in range(0, height, _BAND_ROWS):
        work.clock.left_s()
        rows = slice(top, min(height, top + _BAND_ROWS))
        part = guide.band(rows, (width, height))
        alpha = part.alpha_of(light_of(canvas[rows]))
        canvas[rows] = part.without_backdrop(canvas[rows], alpha)
        cover[rows] = np.round(alpha * 255).astype(np.uint8)
    work.cover = cover


@dataclass(frozen=True, slots=True)
class _Guide:
    """What is known of the outline, at any scale; colours in linear light.

    ``inside`` and ``outside`` are the colours of product and backdrop, ``mask`` the mask made
    smooth, ``least`` and ``most`` the alpha that the mask allows, ``beyond`` how far (0–1) a pixel
    lies outside of it, ``tells`` how far the two colours differ enough to be told in a mixture.
    """

    inside: Plane
    outside: Plane
    mask: Plane
    least: Plane
    most: Plane
    beyond: Plane
    tells: Plane

    def band(self, rows: slice, size: tuple[int, int]) -> "_Guide":
        """The guide over some rows of the canvas."""
        planes = (
            self.inside,
            self.outside,
            self.mask,
            self.least,
            self.most,
            self.beyond,
            self.tells,
        )
        return _Guide(*(over_rows(plane, rows, size) for plane in planes))

    def alpha_of(self, light: Plane) -> Plane:
        """The share (0–1) of the product in each pixel."""
        between = self.inside - self.outside
        length = np.maximum(dot(between, between), 1e-5)
        share = dot(light - self.outside, between) / length
        trust, told = self._told_by_hue(light)
        share += trust * (told - share)
        low, high = _NO_SHADOW
        strict = np.minimum(share, _smooth((share - low) / (high - low)))
        share += self.beyond * (1 - trust) * (strict - share)
        share = self.tells * share + (1 - self.tells) * self.mask
        share = (share - _FOOT) / (_HEAD - _FOOT)
        alpha: Plane = np.clip(np.clip(share, self.least, self.most), 0, 1)
        return alpha

    def _told_by_hue(self, light: Plane) -> tuple[Plane, Plane]:
        """The product's share as the hue tells it, and how far that can be trusted (0–1).

        A pixel is so much of the product's colour and so much of the backdrop's. Both need not make
        one: the product has dark parts, and the backdrop lies in shadow.
        """
        own, other = self.inside, self.outside
        squares = dot(own, own), dot(other, other)
        both = dot(own, other)
        on_own, on_other = dot(light, own), dot(light, other)
        apart = np.maximum(squares[0] * squares[1] - both * both, 1e-9)
        product = np.maximum(on_own * squares[1] - on_other * both, 0)
        backdrop = np.maximum(on_other * squares[0] - on_own * both, 0)
        sine = apart / np.maximum(squares[0] * squares[1], 1e-9)
        low, high = _HUES
        trust = _smooth((sine - low) / (high - low)) * _smooth(squares[0] / _LEAST_HUE**2 - 1)
        return trust, product / np.maximum(product + backdrop, 1e-9)

    def without_backdrop(self, pixels: Pixels, alpha: Plane) -> Pixels:
        """The pixels with the backdrop's share taken out; of nearly nothing, the product's own."""
        mixed = (alpha > 0) & (alpha < 1)
        if not mixed.any():
            return pixels
        share = alpha[mixed][:, None]
        own = (light_of(pixels[mixed]) - (1 - share) * self.outside[mixed]) / np.maximum(
            share, _LEAST_COVER
        )
        near = np.clip(share / (3 * _LEAST_COVER), 0, 1)
        own = near * np.clip(own, 0, 1) + (1 - near) * self.inside[mixed]
        cut = pixels.copy()
        cut[mixed] = np.round(values_of(own)).astype(np.uint8)
        return cut


def _guide(work: Work, found: Silhouette) -> _Guide:
    """The guide on a small copy: rough, by the probe's mask; then again, by what that has shown."""
    canvas = work.canvas
    assert canvas is not None
    height, width = canvas.shape[:2]
    factor = min(1.0, _SMALL_PX / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    light = light_of(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA))
    mask, unit = _mask_on(size, work, found)
    window = _window(work, size)
    rough = _guide_by(mask, light, unit=unit, window=window)
    fine = max(1.0, unit / _FINER)
    shown: Mask = (rough.alpha_of(light) > 0.5).astype(np.uint8)  # noqa: PLR2004 - half covered
    # A light letter near the outline is no gap in it, nor is a speck beside it a part.
    shown = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, _disc(unit))
    shown = cv2.morphologyEx(_filled(shown, mask), cv2.MORPH_OPEN, _disc(fine))
    if not shown.any():
        return rough
    return _guide_by(shown > 0, light, unit=fine, window=window)


def _filled(shown: Mask, mask: Mask) -> Mask:
    """What is shown, with all gaps inside the mask that are closed all around: highlights."""
    gaps = ((shown == 0) & mask).astype(np.uint8)
    count, labels = cv2.connectedComponents(gaps, connectivity=4)
    is_open = np.zeros(count, bool)
    beyond = cv2.dilate(((shown == 0) & ~mask).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    is_open[np.unique(labels[beyond])] = True
    is_open[0] = True
    filled: Mask = shown | (~is_open[labels]).astype(np.uint8)
    return filled


def _disc(radius: float) -> Mask:
    size = 2 * math.ceil(radius) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _guide_by(mask: Mask, light: Plane, *, unit: float, window: Plane) -> _Guide:
    inner, outer = _distance(mask), _distance(~mask)
    deep = np.clip(inner / unit - _BEYOND, 0, 3) ** 2 + 1e-4 * np.clip(inner / unit, 0, 3) ** 2
    inside = _gathered(light, deep, sigma=_GATHER * unit)
    far = np.clip(outer / unit - _BEYOND, 0, 3) ** 2 * (outer < 5 * _GATHER * unit)
    outside = _gathered(light, far * window, sigma=_GATHER * unit)
    apart = np.abs(values_of(inside) - values_of(outside)).max(axis=2)
    low, high = _TELLS
    first, last = _OUTSIDE
    return _Guide(
        inside=inside,
        outside=outside,
        mask=_smooth((inner - outer) / unit / 2 - _TOO_FAR_OUT / 2 + 0.5),
        least=_ramp(inner / unit),
        most=1 - _ramp(outer / unit),
        beyond=_smooth((outer / unit - first) / (last - first)),
        tells=_smooth((apart - low) / (high - low)),
    )


def _mask_on(size: tuple[int, int], work: Work, found: Silhouette) -> tuple[Mask, float]:
    """The mask without its holes on a copy of the canvas, and how many pixels one of its own is."""
    placement, probe, backdrop = work.placement, work.probe, work.backdrop
    assert placement is not None
    assert probe is not None
    assert backdrop is not None
    mask = (found.mask & ~holes(probe, backdrop, found)).astype(np.float32)
    to_copy = size[0] / work.recipe.width_px
    unit = placement.scale * to_copy * work.header.width_px / mask.shape[1]
    unit_down = placement.scale * to_copy * work.header.height_px / mask.shape[0]
    x, y = (offset * to_copy for offset in placement.offset)
    move = np.array(
        [[1 / unit, 0, (0.5 - x) / unit - 0.5], [0, 1 / unit_down, (0.5 - y) / unit_down - 0.5]],
        np.float32,
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    over = cv2.warpAffine(mask, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    smooth = cv2.GaussianBlur(over, (0, 0), max(0.3, 0.5 * unit))
    return (smooth > 0.5) & (_window(work, size) > 0), max(1.0, unit)  # noqa: PLR2004


def _window(work: Work, size: tuple[int, int]) -> Plane:
    """1 where the canvas shows the photo, 0 beyond its ends."""
    left, top, width, height = work.facts["window"]
    factor = size[0] / work.recipe.width_px
    window = np.zeros((size[1], size[0]), np.float32)
    rows = slice(round(top * factor), max(1, round((top + height) * factor)))
    window[rows, round(left * factor) : max(1, round((left + width) * factor))] = 1
    return window


def _distance(mask: Mask) -> Plane:
    """Pixels from each pixel of the mask to its outline; an end of the picture is no outline."""
    if mask.all():
        return np.full(mask.shape, 1e4, np.float32)
    distance: Plane = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    return distance


def _gathered(light: Plane, weight: Plane, *, sigma: float) -> Plane:
    """The mean colour of what has weight nearby; of wider surroundings where nothing has any."""
    weight = weight.astype(np.float32)
    weighed = np.dstack([light * weight[..., None], weight])
    total = np.zeros_like(weighed)
    for wider, share in ((1, 1.0), (4, 1e-3), (16, 1e-6)):
        total += share * _blurred(weighed, sigma * wider)
    colours, weights = total[..., :3], total[..., 3:]
    if weights.max() <= 0:
        return np.broadcast_to(light.mean(axis=(0, 1)), light.shape)
    gathered: Plane = np.where(
        weights > 0, colours / np.maximum(weights, 1e-12), light.mean(axis=(0, 1))
    )
    return gathered.astype(np.float32)


def _blurred(plane: Plane, sigma: float) -> Plane:
    """A Gaussian blur; a wide one on a smaller copy, where it takes a hundredth of the time."""
    height, width = plane.shape[:2]
    step = max(1, int(sigma / 3))
    size = max(1, width // step), max(1, height // step)
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA) if step > 1 else plane
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / step)
    wide: Plane = cv2.resize(blurred, (width, height)) if step > 1 else blurred
    return wide


def _ramp(distance: Plane) -> Plane:
    return _smooth((distance - _UNSURE) / (_SURE - _UNSURE))


def _smooth(share: Plane) -> Plane:
    clipped = np.clip(share, 0, 1)
    smooth: Plane = (clipped * clipped * (3 - 2 * clipped)).astype(np.float32)
    return smooth
