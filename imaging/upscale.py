"""The pipeline of an upscale: the whole picture at its full size, enlarged and sharpened."""

from functools import partial
from pathlib import Path

from domain.errors import InvalidImage, InvalidInput
from imaging.checks import SIDE_PX
from imaging.limits import Header, Limits
from imaging.recipe import Recipe
from imaging.rendered import Rendered
from imaging.running import Steps, run
from imaging.steps.decode import decode_whole
from imaging.steps.encode import encode
from imaging.steps.enlarge import enlarge
from imaging.upscale_recipe import FACTOR, UpscaleRecipe


def render(source: Path, recipe: UpscaleRecipe, *, destination: Path, limits: Limits) -> Rendered:
    """Enlarge the picture at ``source``.

    Raises InvalidImage ``too_many_pixels`` for a result of more than 10,000 pixels a side, and
    InvalidInput for one of less than 16, and for target sides that are no enlargement of 1 to 4
    times; else as ``pipeline.render`` does.
    """
    steps: Steps = (
        ("process_ms", decode_whole),
        ("process_ms", partial(enlarge, mode=recipe.mode)),
        ("encode_ms", encode),
    )
    return run(
        source,
        partial(_canvas, recipe),
        steps=steps,
        destination=destination,
        limits=limits,
    )


def _canvas(recipe: UpscaleRecipe, header: Header) -> Recipe:
    factor = _factor(recipe, header)
    width, height = round(header.width_px * factor), round(header.height_px * factor)
    if max(width, height) > SIDE_PX[1]:
        raise InvalidImage(
            "too_many_pixels",
            f"Enlarged {factor:.3g} times the picture would be {width} × {height} pixels; "
            f"up to {SIDE_PX[1]} a side are made.",
            param="factor",
            allowed={"maxSide": SIDE_PX[1]},
            fix=_smaller_factor(header),
        )
    if min(width, height) < SIDE_PX[0]:
        raise InvalidInput(
            "factor_out_of_range",
            f"Enlarged {factor:.3g} times the picture would be {width} × {height} pixels; "
            f"at least {SIDE_PX[0]} a side are made.",
            param="factor",
            allowed={"minSide": SIDE_PX[0]},
            fix="Send a larger picture.",
        )
    return Recipe(
        width_px=width,
        height_px=height,
        output_format=recipe.output_format,
        quality=recipe.quality,
        background="keep",
    )


def _smaller_factor(header: Header) -> str:
    largest = SIDE_PX[1] / max(header.width_px, header.height_px)
    if largest < FACTOR[0]:
        return "The picture is large enough for any channel as it is."
    return f"Send factor={int(largest * 100) / 100:g}."


def _factor(recipe: UpscaleRecipe, header: Header) -> float:
    if recipe.factor is not None:
        return recipe.factor
    targets = (
        ("targetWidth", recipe.target_width_px, header.width_px),
        ("targetHeight", recipe.target_height_px, header.height_px),
    )
    asked = [(target / side, name, side) for name, target, side in targets if target is not None]
    factor, name, side = min(asked)
    if not 1 < factor <= FACTOR[1]:
        low, high = side + 1, round(side * FACTOR[1])
        raise InvalidInput(
            f"{name}_out_of_range",
            f"{name} must be from {low} to {high} for a picture of {header.width_px} × "
            f"{header.height_px} pixels; got {round(factor * side)}.",
            param=name,
            allowed={"min": low, "max": high},
            fix="Pictures are made smaller by /process." if factor <= 1 else f"Send {name}={high}.",
        )
    return factor
