"""Look at a picture: what lies behind its subject, and where the subject ends."""

from imaging.running import Steps
from imaging.steps.backdrop import find_backdrop, level_backdrop
from imaging.steps.isolate import isolate, reject_clutter
from imaging.steps.refine import refine
from imaging.steps.shadow import drop_shadow
from imaging.work import Silhouette, Work

# From the decoded picture and its probe to the subject and what lies behind it.
LOOK: Steps = (
    ("process_ms", find_backdrop),
    ("process_ms", isolate),
    ("process_ms", drop_shadow),
    ("process_ms", reject_clutter),
    ("process_ms", level_backdrop),
    ("process_ms", refine),
)


def look(work: Work) -> Silhouette | None:
    """Fill ``backdrop`` and ``silhouette`` from ``decoded`` and ``probe``, as a render does."""
    for _, step in LOOK:
        work.clock.left_s()
        step(work)
    return work.silhouette
