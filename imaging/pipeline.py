"""The pipeline of a packshot: the steps from a photo to it, read from the top to the bottom."""

from pathlib import Path

from imaging.limits import Limits
from imaging.look import LOOK
from imaging.recipe import Recipe
from imaging.rendered import Rendered
from imaging.running import Steps, run
from imaging.shadowless import clear_shadow
from imaging.steps.decode import decode, reread
from imaging.steps.encode import encode
from imaging.steps.extend import extend
from imaging.steps.frame import frame
from imaging.steps.resample import resample
from imaging.steps.whiten import whiten

# From the decoded photo to the subject and what lies behind it.
FIND_SUBJECT: Steps = (("process_ms", decode), *LOOK)
STEPS: Steps = (
    *FIND_SUBJECT,
    ("process_ms", frame),
    ("process_ms", reread),
    ("process_ms", resample),
    ("process_ms", whiten),
    ("process_ms", clear_shadow),
    ("process_ms", extend),
    ("encode_ms", encode),
)


def render(source: Path, recipe: Recipe, *, destination: Path, limits: Limits) -> Rendered:
    """Make a packshot of the photo at ``source`` and write it to ``destination``.

    The same source, recipe and engine give the same bytes. Raises InvalidImage for what is no
    picture, is broken or costs too much (see ``limits.inspect``), and Unavailable ``timeout`` when
    the deadline passes. Nothing is written in either case.
    """
    return run(source, lambda _header: recipe, steps=STEPS, destination=destination, limits=limits)
