"""Make everything around the subject exactly white, its natural shadow too.

The whitened canvas is looked at as a finished picture is (``imaging/look.py``), at the canvas' own
scale: on the probe of the photo the outline of a small subject would be known to 20 pixels only.
What is cleared is what a check of the output takes for backdrop, so the output keeps the rule.
"""

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from imaging.bands import bands
from imaging.channels import lightness, strongest, tint
from imaging.look import look
from imaging.rendered import UNCERTAIN
from imaging.steps.decode import make_probe
from imaging.work import Decoded, Mask, Pixels, Placement, Plane, Work

# Probe pixels beyond the outline that stay as they are, and where white begins: between them is the
# anti-aliasing of the subject, and a shadow fades.
_KEPT_PX, _WHITE_PX = 1.0, 2.0
# Probe pixels beyond the outline in which what is plainly product stays.
_REACH_PX = 5
# Shares of the white light: a pixel below the first begins to be too dark for a shadow.
_SHADOW_LIGHT = (0.40, 0.30)
# Spreads of the channels, as shares of the strongest: light that a product throws into its shadow
# colours it by up to the first.
_COLOURED = (0.18, 0.30)


def clear_shadow(work: Work) -> None:
    """Clear ``canvas`` around the subject where the recipe wants no shadow on its white.

    Where the subject's outline is uncertain the shadow stays, and a warning says so: a part of a
    white product may be taken for backdrop.
    """
    backdrop, canvas = work.backdrop, work.canvas
    if work.recipe.shadow != "none" or work.recipe.background != "white" or canvas is None:
        return
    assert backdrop is not None
    if "white" not in work.plan and backdrop.kind != "transparent":
        return  # the backdrop was kept, which has been told
    seen = _finished(work)
    found = look(seen)
    if found is None or found.confidence < UNCERTAIN:
        work.warn(
            "shadow_kept",
            "The subject's outline is not seen all around, so its shadow was left as it is.",
        )
        return
    for _, band, share in bands(_shares(found.mask), seen):
        kept = np.maximum(share[..., 0], share[..., 1] * _product(band))[..., None]
        band[:] = 255 - np.round((255 - band.astype(np.float32)) * kept).astype(np.uint8)
    work.plan["shadow"] = "none"


def _finished(work: Work) -> Work:
    """The canvas as a picture of its own, one to one."""
    assert work.canvas is not None
    height, width = work.canvas.shape[:2]
    whole = (0.0, 0.0, float(width), float(height))
    header = replace(
        work.header, width_px=width, height_px=height, has_alpha=False, orientation=1, pages=1
    )
    seen = Work(work.source, work.recipe, Path(os.devnull), work.limits, header, work.clock)
    seen.canvas = work.canvas
    seen.decoded = Decoded(work.canvas, None, shrink=1, scale=(1.0, 1.0), region=whole)
    seen.placement = Placement(scale=1.0, offset=(0.0, 0.0), region=whole, shrink=1)
    make_probe(seen)
    return seen


def _shares(mask: Mask) -> Plane:
    """Two shares of each probe pixel, (h, w, 2): kept as it is, and kept where it is product.

    The first is 1 in the subject and on its outline, the second reaches a little further: where a
    dark shadow touches a rounded foot, the mask may lack some of the foot.
    """
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    kept = np.clip((_WHITE_PX - outside) / (_WHITE_PX - _KEPT_PX), 0, 1)
    near = np.clip(_REACH_PX + 1 - outside, 0, 1)
    return np.dstack([kept * kept * (3 - 2 * kept), near]).astype(np.float32)


def _product(pixels: Pixels) -> Plane:
    """How much of product each pixel is, 0–1: of a colour, or darker than the light of a shadow."""
    levels = cv2.blur(pixels, (3, 3)).astype(np.float32)  # or grain on a shadow would be a colour
    lightest, darkest = _SHADOW_LIGHT
    dark = np.clip((lightest - lightness(levels) / 255) / (lightest - darkest), 0, 1)
    least, most = _COLOURED
    spread = tint(levels) / np.maximum(strongest(levels), 1)
    product: Plane = np.maximum(dark, np.clip((spread - least) / (most - least), 0, 1))
    return product
