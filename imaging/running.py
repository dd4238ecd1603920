"""Runs the steps of an operation over one picture and tells what came of it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from domain.errors import InvalidImage
from imaging.limits import Header, Limits, inspect
from imaging.plan import on_canvas
from imaging.recipe import Recipe
from imaging.rendered import Rendered, Subject
from imaging.steps.frame import fill_of
from imaging.work import Clock, Work

# What the timings tell apart; reading a picture is counted by the decoder itself.
PARTS = ("decode_ms", "process_ms", "encode_ms")
Step = Callable[[Work], None]
Steps = Sequence[tuple[str, Step]]
"""Each step with the part of the timings that it counts for."""


def run(
    source: Path,
    framing: Callable[[Header], Recipe],
    *,
    steps: Steps,
    destination: Path,
    limits: Limits,
    generated: bool = False,
) -> Rendered:
    """Take the photo at ``source`` through the steps, the last of which writes ``destination``.

    ``framing`` says what canvas there is for a picture of this header; its members are the ones
    that the steps read from ``Work.recipe``. ``generated`` says that pixels of no photo are in it.
    Raises InvalidImage for what is no picture, is broken or costs too much (see
    ``limits.inspect``), and Unavailable ``timeout`` when the deadline passes.
    """
    header = inspect(source, limits)
    clock = Clock(limits.deadline_s, spent_ms=dict.fromkeys(PARTS, 0.0))
    canvas = framing(header)
    _refuse_result(canvas, limits)
    work = Work(source, canvas, destination, limits, header, clock)
    if header.pages > 1:
        work.warn("frames_ignored", f"The first of {header.pages} frames was used.")
    for part, step in steps:
        clock.left_s()
        started, decoding = time.perf_counter(), clock.spent_ms.get("decode_ms", 0.0)
        step(work)
        decoded_s = (clock.spent_ms.get("decode_ms", 0.0) - decoding) / 1000
        clock.add(part, time.perf_counter() - started - decoded_s)
    return _rendered(work, generated=generated)


def _refuse_result(canvas: Recipe, limits: Limits) -> None:
    pixels = canvas.width_px * canvas.height_px
    if pixels > limits.result_pixels:
        raise InvalidImage(
            "too_many_pixels",
            f"The finished picture would be {canvas.width_px} × {canvas.height_px} pixels "
            f"({pixels / 1e6:.1f} megapixels); up to {limits.result_pixels / 1e6:g} megapixels are "
            "made here.",
            allowed={"maxPixels": limits.result_pixels},
            fix="Ask for a smaller picture, or send the request with a key.",
        )


def _rendered(work: Work, *, generated: bool) -> Rendered:
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
        generated=generated,
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
