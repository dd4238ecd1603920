"""The pipeline of ``backgrounds/generate``: a backdrop that is made, and the subject before it."""

from functools import partial
from pathlib import Path

from imaging.background_recipe import BackgroundRecipe
from imaging.cutting import CUT, SCALE
from imaging.lighting import Light
from imaging.limits import Limits
from imaging.pipeline import FIND_SUBJECT
from imaging.plan import on_canvas
from imaging.rendered import Rendered
from imaging.running import Steps, run
from imaging.scenery import Stand, scenery_of
from imaging.steps.compose import Setting, compose, paint
from imaging.steps.encode import encode
from imaging.steps.place import place_in_room
from imaging.work import Work


def render(
    source: Path, recipe: BackgroundRecipe, *, destination: Path, limits: Limits
) -> Rendered:
    """Make a backdrop and lay the subject at ``source`` over it.

    Raises InvalidImage ``subject_not_found`` where no subject can be told from its backdrop; else
    as ``pipeline.render`` does.
    """
    together: Steps = (
        *FIND_SUBJECT,
        ("process_ms", place_in_room),
        *SCALE,
        *CUT,
        ("process_ms", partial(_lay_over, recipe)),
    )
    alone: Steps = (("process_ms", partial(_paint, recipe)),)
    return run(
        source,
        lambda _header: recipe.framing(),
        steps=(*(together if recipe.composite else alone), ("encode_ms", encode)),
        destination=destination,
        limits=limits,
        generated=True,
    )


def _lay_over(recipe: BackgroundRecipe, work: Work) -> None:
    _tell(recipe, work)
    setting = Setting(
        scenery_of(recipe, _stand(work)),
        recipe.shadow,
        Light(),
        is_even=recipe.kind == "solid",
    )
    compose(work, setting)


def _paint(recipe: BackgroundRecipe, work: Work) -> None:
    _tell(recipe, work)
    paint(work, scenery_of(recipe, None), is_even=recipe.kind == "solid")


def _stand(work: Work) -> Stand:
    assert work.silhouette is not None
    assert work.placement is not None
    left, top, width, height = on_canvas(work.silhouette.box, work.placement)
    return Stand(left + width / 2, top + height, width)


def _tell(recipe: BackgroundRecipe, work: Work) -> None:
    work.plan["background"] = {"kind": recipe.kind, "scene": recipe.scene, "seed": recipe.seed}
    if recipe.ignored_words:
        words = ", ".join(recipe.ignored_words)
        work.warn("words_ignored", f"These words of the prompt mean nothing here: {words}.")
