"""How pages tell a job in a line: its words, its color, how far it is and how long it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.errors import Refusal
from domain.job import Job
from domain.output import Output
from packshot.commands.requests import PUBLISH
from packshot.commands.results import Results
from packshot.edge.job_shapes import PUBLIC_STATUS, refusal_of_job

LABELS: Mapping[str, str] = {
    "process": "Packshot",
    "upscale": "Upscale",
    "backgrounds/generate": "Background",
    "relight/shadow": "Shadow",
    "catalog/sync": "Catalog sync",
}
KINDS: Mapping[str, str] = {
    "running": "run", "succeeded": "ok", "partial": "warn", "failed": "bad",
}  # fmt: skip
# Fields of recipes that are told with a unit.
PIXELS = {"width", "height"}
SHARES = {"margins", "targetFill"}
FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP"}
MINUTE_S, HOUR_S = 60, 3600


@dataclass(frozen=True, slots=True)
class Row:
    """A job as pages tell it; ``kind`` is the color of its status, ``took`` says how long."""

    job: Job
    status: str
    kind: str
    label: str
    done: int
    total: int
    took: str
    asker: str
    output: Output | None
    problem: Refusal | None


def row_of(job: Job, results: Results | None, *, asker: str = "") -> Row:
    """The job as a line; ``results`` say how much of a batch is done."""
    status = PUBLIC_STATUS.get(job.status, job.status)
    label = LABELS.get(job.operation, job.operation.replace("-", " ").capitalize())
    return Row(
        job,
        status,
        KINDS.get(status, ""),
        label=label if job.items is None else f"Batch of {job.items:,}: {label}",
        done=len(job.outputs) if results is None else results.done,
        total=1 if job.items is None else job.items,
        took=_took(job),
        asker=asker,
        output=Output.from_dict(job.outputs[0]) if job.outputs else None,
        problem=None if job.error is None else refusal_of_job(job.error),
    )


def may_be_changed(job: Job) -> bool:
    """Whether cancelling and trying again are offered here: a publish has a page of its own."""
    return job.operation != PUBLISH and job.batch_id is None


def asked_of(recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked, by its fields' names, as people write it: with units, and in percent."""
    return [
        (name, _written(name, value))
        for name, value in recipe.items()
        if value is not None and value not in ([], {})
    ]


def _written(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        told = {part: _written(name, one) for part, one in value.items() if one is not None}
        alike = set(told.values())
        return alike.pop() if len(alike) == 1 else ", ".join(f"{k} {v}" for k, v in told.items())
    if isinstance(value, list | tuple):
        return ", ".join(_written(name, one) for one in value)
    if name in PIXELS:
        return f"{value} px"
    if name in SHARES and (share := _share(value)) is not None:
        return f"{share:.4g}%"
    return FORMATS.get(str(value), str(value)) if name == "format" else str(value)


def _share(value: Any) -> float | None:
    """A ratio as percent; None for what is told in pixels already."""
    try:
        return float(value) * 100
    except ValueError:
        return None


def _took(job: Job) -> str:
    if job.started_at is None or not (job.is_ended or job.status == "running"):
        return "–"
    if job.priority is None:  # it was answered at once, and recorded as a whole afterwards
        return "at once"
    seconds = ((job.ended_at or datetime.now(UTC)) - job.started_at).total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min {seconds % MINUTE_S:.0f} s"
    return f"{seconds // HOUR_S:.0f} h {seconds % HOUR_S // MINUTE_S:.0f} min"
