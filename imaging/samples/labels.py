"""Printed labels: a little type and ornament, drawn large and mapped onto a product."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imaging.samples.layers import Colour, Plane

SCALE = 2  # drawn larger, for smooth letters


def label(
    size: tuple[int, int],
    *,
    paper: Colour | None,
    ink: Colour,
    lines: tuple[tuple[str, float, float], ...],
    rules: tuple[float, ...] = (),
) -> Plane:
    """A label of (width, height) pixels as (h, w, 4) in 0–1.

    ``lines`` are text, middle height and letter height as shares of the label's height; ``rules``
    are the heights of thin lines. Without ``paper`` only the ink covers.
    """
    width, height = size[0] * SCALE, size[1] * SCALE
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    for text, middle, letter in lines:
        font = ImageFont.load_default(size=letter * height)
        draw.text((width / 2, middle * height), text, fill=255, font=font, anchor="mm")
    for at in rules:
        half = max(1, round(0.004 * height))
        draw.rectangle(
            (0.30 * width, at * height - half, 0.70 * width, at * height + half), fill=255
        )
    inked = np.asarray(mask.resize(size, Image.Resampling.LANCZOS), np.float32)[..., None] / 255
    ground = np.array(paper or ink, np.float32) / 255
    colour = ground * (1 - inked) + np.array(ink, np.float32) / 255 * inked
    alpha = inked if paper is None else np.ones_like(inked)
    made: Plane = np.concatenate([colour, alpha], axis=2).astype(np.float32)
    return made
