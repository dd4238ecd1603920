"""/api/v1/jobs: image work that is asked for now and done when its turn comes."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.errors import InvalidInput
from domain.ids import ItemId, JobId
from domain.scopes import Scope
from packshot.commands.plans import Plan
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.fields import Label, Word
from packshot.edge.items import items_of
from packshot.edge.job_forms import JobForm
from packshot.edge.job_shapes import (
    JOBS_PATH,
    ItemsAnswer,
    JobAnswer,
    JobsAnswer,
    accepted,
    item_answer,
    job_answer,
)
from packshot.edge.looking_back import LooksBack, PastPageForm
from packshot.edge.moments import Moment
from packshot.edge.paging import MOST_COUNTED, Total, page_of
from packshot.edge.path_ids import job_id_of
from packshot.edge.quantities import WholeNumber
from packshot.edge.sources import check_webhook_url, source_of, wish_of
from projections.jobs import JobFilter

LONGEST_WAIT_S = 25
MOST_BATCH_BYTES = 1024 * 1024
STATUSES = ("queued", "running", "succeeded", "failed", "partial", "cancelled")
JOB = JOBS_PATH + "/{jobId}"
CHANGE_REFUSALS = (
    "not_found", "already_terminal", "version_conflict", "invalid_parameter", "org_suspended",
    "overloaded",
)  # fmt: skip


class WaitForm(LooksBack):
    """How long to wait for a job's end, or as of when to tell it."""

    wait: Annotated[int, WholeNumber(0, LONGEST_WAIT_S, example=20)] = Field(
        0,
        description="Seconds to wait for the job's end before it is told as it is.",
        examples=[20],
    )


class JobsForm(PastPageForm):
    """Which jobs to list."""

    status: Annotated[str, Word(STATUSES)] | None = Field(None, description="Only of this status.")
    sku: Annotated[str | None, Label()] = Field(None, description="Only of this product.")
    since: Annotated[datetime, Moment()] | None = Field(
        None, description="Only those asked for at this time or later."
    )


@endpoint(
    "POST",
    JOBS_PATH,
    scope=Scope.JOBS_WRITE,
    cost=1.0,
    form=JobForm,
    file_field="image",
    accepted=JobAnswer,
    refuses=(
        "missing_parameter", "ambiguous_input", "url_not_allowed", "org_suspended", "overloaded",
    ),
    answer_headers=("location", "x-log-position", "x-log-head"),
    json_max_bytes=MOST_BATCH_BYTES,
    queues=True,
)  # fmt: skip
async def create_job(call: Call[JobForm]) -> Reply:
    """Ask for a job of one picture, or of many."""
    form, jobs = call.form, call.services.jobs
    plan = Plan(form.priority, form.not_before)
    if form.items is None:
        source = await source_of(call)
        await check_webhook_url(call)
        return accepted(await jobs.request(call.context, source, wish_of(form), plan=plan))
    items = await items_of(call, form.items)
    await check_webhook_url(call)
    return accepted(await jobs.batches.request(call.context, items, wish_of(form), plan=plan))


@endpoint(
    "GET", JOB, scope=Scope.JOBS_READ, form=WaitForm, answer=JobAnswer, refuses=("not_found",)
)
async def find_job(call: Call[WaitForm]) -> Reply:
    """Answer a job, at once or when it has ended."""
    job_id = job_id_of(call.path)
    org_id, jobs, at = call.key.org_id, call.services.jobs, call.position
    if at is None:
        job = await jobs.wait(org_id, job_id, at_most_s=call.form.wait)
    elif call.form.wait:
        raise InvalidInput(
            "invalid_parameter",
            "wait and asOf exclude each other: what has been does not change any more.",
            param="wait",
            fix="Leave wait out.",
        )
    else:
        job = await jobs.find(org_id, job_id, at=at)
    return Reply(job_answer(job, await jobs.results(org_id, job, at=at)))


@endpoint(
    "GET",
    JOB + "/items",
    scope=Scope.JOBS_READ,
    form=PastPageForm,
    answer=ItemsAnswer,
    refuses=("not_found",),
)
async def list_items(call: Call[PastPageForm]) -> Reply:
    """Answer a job's items, in the order in which they were asked for."""
    form, org_id, jobs, at = call.form, call.key.org_id, call.services.jobs, call.position
    job = await jobs.find(org_id, job_id_of(call.path), at=at)
    items = await jobs.batches.list_items(
        org_id, job, after=form.after_id(ItemId), limit=form.limit + 1, at=at
    )
    total = Total(1 if job.items is None else job.items)
    shown, page = page_of(items, form, total=total, place=lambda item: str(ItemId(item.id)), at=at)
    return Reply(ItemsAnswer(data=[item_answer(item) for item in shown], page=page))


@endpoint("GET", JOBS_PATH, scope=Scope.JOBS_READ, form=JobsForm, answer=JobsAnswer)
async def list_jobs(call: Call[JobsForm]) -> Reply:
    """Answer the organization's jobs, newest first."""
    form, at = call.form, call.position
    # Each job of the past is looked up in the log: counting has an end there too.
    is_filtered = at is not None or any((form.status, form.sku, form.since))
    wanted = JobFilter(
        status=form.status,
        sku=form.sku,
        since=None if form.since is None else JobId.earliest(form.since).uuid,
    )
    listed = await call.services.jobs.list(
        call.key.org_id,
        wanted,
        before=form.after_id(JobId),
        limit=form.limit + 1,
        count_at_most=MOST_COUNTED + 1 if is_filtered else None,
        at=at,
    )
    total = Total.counted(listed.total) if is_filtered else Total(listed.total)
    shown, page = page_of(listed.jobs, form, total=total, place=lambda job: str(job.job_id), at=at)
    told = [job_answer(job, listed.results.get(job.id)) for job in shown]
    return Reply(JobsAnswer(data=told, page=page))


@endpoint(
    "POST",
    JOB + "/cancel",
    scope=Scope.JOBS_WRITE,
    form=NoFields,
    answer=JobAnswer,
    refuses=CHANGE_REFUSALS,
    answer_headers=("x-log-position", "x-log-head"),
)
async def cancel_job(call: Call[NoFields]) -> Reply:
    """Call a job off."""
    jobs = call.services.jobs
    changed = await jobs.cancel(call.context, job_id_of(call.path))
    results = await jobs.results(call.key.org_id, changed.job)
    return Reply(job_answer(changed.job, results), head=changed.head)


@endpoint(
    "POST",
    JOB + "/retry",
    scope=Scope.JOBS_WRITE,
    form=NoFields,
    accepted=JobAnswer,
    refuses=CHANGE_REFUSALS,
    answer_headers=("location", "x-log-position", "x-log-head"),
    queues=True,
)
async def retry_job(call: Call[NoFields]) -> Reply:
    """Queue a job that failed or was cancelled once more; of a batch, what did not succeed."""
    jobs = call.services.jobs
    changed = await jobs.retry(call.context, job_id_of(call.path))
    return accepted(changed, await jobs.results(call.key.org_id, changed.job))
