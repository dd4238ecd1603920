"""The pipeline: the steps from a photo to a packshot, read from the top to the bottom."""

import time
from collections.abc import Callable
from pathlib import Path

from imaging.limits import Limits, inspect
from imaging.plan import on_canvas
from imaging.recipe import Recipe
from imaging.rendered import Rendered, Subject
from imaging.steps.backdrop import find_backdrop, level_backdrop
from imaging.steps.decode import decode, reread
from imaging.steps.encode import encode
from imaging.steps.extend import extend
from imaging.steps.frame import fill_of, frame
from imaging.steps.isolate import isolate, reject_clutter
from imaging.steps.refine import refine
from imaging.steps.resample import resample
from imaging.steps.shadow import drop_shadow
from imaging.steps.whiten import whiten
from imaging.work import Clock, Work

Step = Callable[[Work], None]

STEPS: tuple[tuple[str, Step], ...] = (
    ("process_ms", decode),
    ("process_ms", find_backdrop),
    ("process_ms", isolate),
    ("process_ms", drop_shadow),
    ("process_ms", reject_clutter),
    ("process_ms", level_backdrop),
    ("process_ms", refine),
    ("process_ms", frame),
    ("process_ms", reread),
    ("process_ms", resample),
    ("process_ms", whiten),
    ("process_ms", extend),
    ("encode_ms", encode),
)


def render(source: Path, recipe: Recipe, *, destination: Path, limits: Limits) -> Rendered:
    """Make a packshot of the photo at ``source`` and write it to ``destination``.

    The same source, recipe and engine give the same bytes. Raises InvalidImage for what is no
    picture, is broken or costs too much (see ``limits.inspect``), and Unavailable ``timeout`` when
    the deadline passes. Nothing is written in either case.
    """
    header = inspect(source, limits)
    clock = Clock(limits.deadline_s)
    work = Work(source, recipe, destination, limits, header, clock)
    if header.pages > 1:
        work.warn("frames_ignored", f"The first of {header.pages} frames was used.")
    for part, step in STEPS:
        clock.left_s()
        started, decoding = time.perf_counter(), clock.spent_ms.get("decode_ms", 0.0)
        step(work)
        decoded_s = (clock.spent_ms.get("decode_ms", 0.0) - decoding) / 1000
        clock.add(part, time.perf_counter() - started - decoded_s)
    return _rendered(work)


def _rendered(work: Work) -> Rendered:
    return Rendered(
        format=work.recipe.output_format,
        width_px=work.recipe.width_px,
        height_px=work.recipe.height_px,
        size_bytes=work.facts["size_bytes"],
        bytes_sha256=work.facts["bytes_sha256"],
        pixel_sha256=work.facts["pixel_sha256"],
        subject=_subject(work),
        warnings=tuple(work.warnings),
        plan=work.plan,
        source={
            "format": work.header.format,
            "width": work.header.width_px,
            "height": work.header.height_px,
        },
        timings={part: round(ms, 1) for part, ms in work.clock.spent_ms.items()},
    )


def _subject(work: Work) -> Subject | None:
    found, placement = work.silhouette, work.placement
    if found is None or placement is None:
        return None
    left, top, width, height = on_canvas(found.box, placement)
    return Subject(
        box=(round(left, 1), round(top, 1), round(width, 1), round(height, 1)),
        source_box=(
            round(found.box[0], 1),
            round(found.box[1], 1),
            round(found.box[2], 1),
            round(found.box[3], 1),
        ),
        fill=round(fill_of(work), 4),
        confidence=found.confidence,
        engine=found.engine,
    )
