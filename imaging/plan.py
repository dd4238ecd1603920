"""The plan: where the source lands on the canvas, as pure functions of box, recipe and sides."""

from imaging.recipe import Recipe
from imaging.rendered import Box
from imaging.work import Placement

# The scaling filter sees at least this many decoded pixels for one of the output; below it the
# loader's own box filter would show.
RESIDUAL = 1.3
_LARGEST_SHRINK = 8


def fitting_shrink(scale: float) -> int:
    """The loader's largest shrink (1, 2, 4 or 8) that leaves the scaling filter its residual."""
    shrink = 1
    while shrink < _LARGEST_SHRINK and 1 / (scale * shrink * 2) >= RESIDUAL:
        shrink *= 2
    return shrink


def place_subject(
    box: Box, recipe: Recipe, *, cropped: tuple[str, ...], source_size: tuple[int, int]
) -> Placement:
    """Scale and move the subject's box into the room that the recipe leaves for it.

    At a side where the frame cut the subject off, the cut is laid on the canvas' edge and the
    margin of that side gives way: a straight cut that floats in white looks like a fault.
    """
    left, top, right, bottom = _room(recipe, cropped)
    scale = min((right - left) / box[2], (bottom - top) / box[3])
    share_x, share_y = _rest(recipe.anchor, cropped)
    x = left + (right - left - box[2] * scale) * share_x
    y = top + (bottom - top - box[3] * scale) * share_y
    return _placement(scale, (x - box[0] * scale, y - box[1] * scale), recipe, source_size)


def place_whole(recipe: Recipe, source_size: tuple[int, int]) -> Placement:
    """Fit the whole picture on the canvas, as large as it goes; margins belong to a subject."""
    width, height = source_size
    scale = min(recipe.width_px / width, recipe.height_px / height)
    offset = (recipe.width_px - width * scale) / 2, (recipe.height_px - height * scale) / 2
    return _placement(scale, offset, recipe, source_size)


def on_canvas(box: Box, placement: Placement) -> Box:
    """A box of the source in canvas pixels."""
    scale, (x, y) = placement.scale, placement.offset
    return box[0] * scale + x, box[1] * scale + y, box[2] * scale, box[3] * scale


def _room(recipe: Recipe, cropped: tuple[str, ...]) -> tuple[float, float, float, float]:
    left, top, width, height = recipe.inner_box()
    return (
        0.0 if "left" in cropped else left,
        0.0 if "top" in cropped else top,
        float(recipe.width_px) if "right" in cropped else left + width,
        float(recipe.height_px) if "bottom" in cropped else top + height,
    )


def _rest(anchor: str, cropped: tuple[str, ...]) -> tuple[float, float]:
    """The shares of the free room left of and above the box; a cut side goes before the anchor."""
    return (
        _share(cropped, "left", "right") or _share(anchor, "left", "right") or 0.5,
        _share(cropped, "top", "bottom") or _share(anchor, "top", "bottom") or 0.5,
    )


def _share(words: str | tuple[str, ...], low: str, high: str) -> float | None:
    if (low in words) == (high in words):
        return None
    # Not zero, so that "or" above can tell it from nothing; it is far below a pixel.
    return 1e-12 if low in words else 1.0


def _placement(
    scale: float, offset: tuple[float, float], recipe: Recipe, source_size: tuple[int, int]
) -> Placement:
    width, height = source_size
    left, top = max(0.0, -offset[0] / scale), max(0.0, -offset[1] / scale)
    right = min(float(width), (recipe.width_px - offset[0]) / scale)
    bottom = min(float(height), (recipe.height_px - offset[1]) / scale)
    region = (left, top, right - left, bottom - top)
    return Placement(scale, offset, region, fitting_shrink(scale))
