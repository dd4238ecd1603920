"""How each operation is done: the pipeline that a recipe goes through, by its operation's name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imaging import backgrounds, pipeline, relight, upscale
from imaging.limits import Limits
from imaging.operations import AnyRecipe
from imaging.rendered import Rendered

# Each takes a source, the recipe of its own operation, a destination and limits.
PIPELINES: Mapping[str, Callable[..., Rendered]] = {
    "process": pipeline.render,
    "upscale": upscale.render,
    "backgrounds/generate": backgrounds.render,
    "relight/shadow": relight.render,
}


def render(source: Path, recipe: AnyRecipe, *, destination: Path, limits: Limits) -> Rendered:
    """Make what the recipe asks for of the photo at ``source`` and write it to ``destination``.

    The same source, recipe and engine give the same bytes. Raises InvalidImage or InvalidInput for
    what cannot be made of this photo, and Unavailable ``timeout`` when the deadline passes. Nothing
    is written in either case.
    """
    made: Any = PIPELINES[recipe.operation]
    rendered: Rendered = made(source, recipe, destination=destination, limits=limits)
    return rendered
