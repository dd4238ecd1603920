"""How answers and webhooks tell a job: one shape, made from the job as its events tell it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from domain.errors import Refusal
from domain.ids import ItemId
from domain.job import Job
from domain.output import Output
from packshot.commands.plans import Changed
from packshot.commands.results import Results, own_results
from packshot.edge.contract import Reply
from packshot.edge.paging import PageAnswer
from packshot.edge.problems import problem_of
from packshot.edge.shapes import Answer, OutputAnswer, Time, output_answer

JOBS_PATH = "/api/v1/jobs"
# Asked for and waiting are one thing to a caller.
PUBLIC_STATUS = {"requested": "queued"}


class ProgressAnswer(Answer):
    """How many of a job's pictures are done."""

    done: int
    total: int


class LinksAnswer(Answer):
    """Where to look further."""

    self_: str
    items: str
    events: str

    model_config = Answer.model_config | {"alias_generator": lambda name: name.rstrip("_")}


class PostponedAnswer(Answer):
    """Why the last attempt did not end the job; the next one comes at ``notBefore``."""

    code: str
    detail: str


class JobAnswer(Answer):
    """A job: ``status`` is queued, running, succeeded, partial, failed or cancelled.

    ``error`` is the problem that ended a failed job; ``outputs`` what a succeeded one made. Of a
    batch they are the first 200 of its items in their order, and none in a list of jobs or in an
    event before its end; ``links.items`` has them all. ``batchId`` is there in an item of a batch.
    ``notBefore`` is when the next attempt may begin, ``postponed`` why the last one has to be
    followed by it; ``priority`` is null where nothing was queued.
    """

    job_id: str
    status: str
    operation: str
    progress: ProgressAnswer
    attempt: int
    priority: int | None
    not_before: Time | None
    postponed: PostponedAnswer | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    outputs: list[OutputAnswer]
    error: Mapping[str, Any] | None
    preset_label: str | None
    sku: str | None
    client_ref: str | None
    batch_id: str | None = Field(default=None, exclude_if=lambda batch_id: batch_id is None)
    links: LinksAnswer


class JobsAnswer(Answer):
    """A page of jobs, newest first."""

    data: list[JobAnswer]
    page: PageAnswer


class ItemAnswer(Answer):
    """One picture of a job: ``output`` what was made of it, ``error`` why nothing was."""

    item_id: str
    status: str
    output: OutputAnswer | None
    error: Mapping[str, Any] | None
    preset_label: str | None
    sku: str | None
    client_ref: str | None


class ItemsAnswer(Answer):
    """A page of a job's items, in the order in which they were asked for."""

    data: list[ItemAnswer]
    page: PageAnswer


def job_answer(job: Job, results: Results | None = None) -> JobAnswer:
    """The job as callers are told of it; None where it has nothing to show but its own."""
    shown, path = results or own_results(job), path_of(job)
    outputs = [_output_of(made, document) for made in shown.jobs for document in made.outputs]
    return JobAnswer(
        job_id=str(job.job_id),
        status=_status_of(job),
        operation=job.operation,
        progress=ProgressAnswer(done=shown.done, total=1 if job.items is None else job.items),
        attempt=job.attempt,
        priority=job.priority,
        not_before=None if job.not_before is None else datetime.fromisoformat(job.not_before),
        postponed=_postponed(job),
        created_at=job.created_on,
        started_at=job.started_at,
        finished_at=job.ended_at,
        outputs=outputs,
        error=None if job.error is None else error_of(job.error),
        preset_label=job.preset_label,
        sku=job.sku,
        client_ref=job.client_ref,
        batch_id=None if job.batch_id is None else str(job.batch_id),
        links=LinksAnswer(self_=path, items=path + "/items", events=path + "/events"),
    )


def item_answer(job: Job) -> ItemAnswer:
    """The item that a job works on."""
    return ItemAnswer(
        item_id=str(ItemId(job.id)),
        status=_status_of(job),
        output=_output_of(job, job.outputs[0]) if job.outputs else None,
        error=None if job.error is None else error_of(job.error),
        preset_label=job.preset_label,
        sku=job.sku,
        client_ref=job.client_ref,
    )


def _postponed(job: Job) -> PostponedAnswer | None:
    reason = job.postponed_for
    if reason is None:
        return None
    return PostponedAnswer(code=reason["code"], detail=reason["detail"])


def _status_of(job: Job) -> str:
    return PUBLIC_STATUS.get(job.status, job.status)


def path_of(job: Job) -> str:
    """The address of a job."""
    return f"{JOBS_PATH}/{job.job_id}"


def refusal_of_job(error: Mapping[str, Any]) -> Refusal:
    """The refusal that ended a job, as it is recorded."""
    refusal = Refusal(
        error["code"],
        error["detail"],
        fix=error["fix"],
        param=error["param"],
        allowed=error["allowed"],
    )
    refusal.retryable = error.get("retryable", False)  # older events do not say
    return refusal


def error_of(error: Mapping[str, Any]) -> dict[str, Any]:
    """The problem document of the refusal that ended a job."""
    return problem_of(refusal_of_job(error), request_id=error["request_id"])


def _output_of(job: Job, document: Mapping[str, Any]) -> OutputAnswer:
    """The output with this job's own words, also when an earlier job had made it."""
    return output_answer(Output.from_dict(document)).model_copy(
        update={
            "job_id": str(job.job_id),
            "cached": job.cached,
            "preset_label": job.preset_label,
            "sku": job.sku,
            "client_ref": job.client_ref,
        }
    )


def accepted(changed: Changed, results: Results | None = None) -> Reply:
    """The answer to work that is still to be done: the job, and where to look for it."""
    return Reply(
        job_answer(changed.job, results),
        status=202,
        headers={"location": path_of(changed.job)},
        head=changed.head,
    )
