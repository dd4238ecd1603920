"""The pipeline of ``relight/shadow``: the subject cut out, on white, with a shadow of its own."""

from functools import partial
from pathlib import Path

from imaging.checks import SIDE_PX
from imaging.cutting import CUT, SCALE
from imaging.limits import Header, Limits
from imaging.pipeline import FIND_SUBJECT
from imaging.recipe import Recipe
from imaging.relight_recipe import RelightRecipe
from imaging.rendered import Rendered
from imaging.running import Steps, run
from imaging.scenery import white
from imaging.steps.compose import Setting, compose
from imaging.steps.encode import encode
from imaging.steps.place import place_in_its_frame
from imaging.steps.whiten import whiten
from imaging.work import Work

# Below this share of the canvas there is no room for a shadow under the subject.
_LEAST_ROOM = 0.03


def render(source: Path, recipe: RelightRecipe, *, destination: Path, limits: Limits) -> Rendered:
    """Give the subject at ``source`` a new shadow.

    Raises InvalidImage ``subject_not_found`` where no subject can be told from its backdrop; else
    as ``pipeline.render`` does.
    """
    steps: Steps = (
        *FIND_SUBJECT,
        ("process_ms", place_in_its_frame),
        *SCALE,
        ("process_ms", whiten),
        *CUT,
        ("process_ms", partial(_light, recipe)),
        ("encode_ms", encode),
    )
    return run(source, partial(_frame, recipe), steps=steps, destination=destination, limits=limits)


def _frame(recipe: RelightRecipe, header: Header) -> Recipe:
    """The picture's own frame, within the sides that outputs may have."""
    low, high = SIDE_PX
    factor = min(1.0, high / max(header.width_px, header.height_px))
    return Recipe(
        width_px=max(low, round(header.width_px * factor)),
        height_px=max(low, round(header.height_px * factor)),
        output_format=recipe.output_format,
        quality=recipe.quality,
    )


def _light(recipe: RelightRecipe, work: Work) -> None:
    size = work.recipe.width_px, work.recipe.height_px
    _warn_of_no_room(recipe, work)
    compose(
        work,
        Setting(white(size), recipe.shadow, recipe.light, is_even=True, exposure=recipe.exposure),
    )


def _warn_of_no_room(recipe: RelightRecipe, work: Work) -> None:
    found, placement = work.silhouette, work.placement
    if recipe.shadow.mode == "none" or found is None or placement is None:
        return
    below = work.header.height_px - found.box[1] - found.box[3]
    if below < _LEAST_ROOM * work.header.height_px:
        work.warn(
            "no_room_for_shadow",
            "The subject reaches the lower end of the picture, where its shadow would lie; a "
            "packshot made by /process has room for it.",
        )
