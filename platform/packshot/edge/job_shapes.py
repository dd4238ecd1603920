"""How answers and webhooks tell a job: one shape, made from the job as its events tell it."""

from collections.abc import Mapping
from typing import Any

from domain.errors import Refusal
from domain.job import Job
from domain.output import Output
from packshot.commands.jobs import Changed
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

    model_config = Answer.model_config | {"alias_generator": lambda name: name.rstrip("_")}


class JobAnswer(Answer):
    """A job: ``status`` is queued, running, succeeded, failed or cancelled.

    ``error`` is the problem that ended a failed job; ``outputs`` what a succeeded one made.
    """

    job_id: str
    status: str
    operation: str
    progress: ProgressAnswer
    attempt: int
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    outputs: list[OutputAnswer]
    error: Mapping[str, Any] | None
    preset_label: str | None
    sku: str | None
    client_ref: str | None
    links: LinksAnswer


class JobsAnswer(Answer):
    """A page of jobs, newest first."""

    data: list[JobAnswer]
    page: PageAnswer


def job_answer(job: Job) -> JobAnswer:
    """The job as callers are told of it."""
    outputs = [_output_of(job, document) for document in job.outputs]
    return JobAnswer(
        job_id=str(job.job_id),
        status=PUBLIC_STATUS.get(job.status, job.status),
        operation=job.operation,
        progress=ProgressAnswer(done=len(outputs), total=1),
        attempt=job.attempt,
        created_at=job.created_on,
        started_at=job.started_at,
        finished_at=job.ended_at,
        outputs=outputs,
        error=None if job.error is None else error_of(job.error),
        preset_label=job.preset_label,
        sku=job.sku,
        client_ref=job.client_ref,
        links=LinksAnswer(self_=path_of(job)),
    )


def path_of(job: Job) -> str:
    """The address of a job."""
    return f"{JOBS_PATH}/{job.job_id}"


def refusal_of_job(error: Mapping[str, Any]) -> Refusal:
    """The refusal that ended a job, as it is recorded."""
    return Refusal(
        error["code"],
        error["detail"],
        fix=error["fix"],
        param=error["param"],
        allowed=error["allowed"],
    )


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


def accepted(changed: Changed) -> Reply:
    """The answer to work that is still to be done: the job, and where to look for it."""
    return Reply(
        job_answer(changed.job),
        status=202,
        headers={"location": path_of(changed.job)},
        head=changed.head,
    )
