"""Jobs: what is being made and what was made, followed while it happens."""

from typing import Annotated, Any

from domain.errors import Conflict, InvalidInput, Refusal
from domain.ids import ItemId, JobId
from domain.job import Job
from domain.output import Output
from domain.scopes import Scope
from packshot.admin.job_rows import asked_of, may_be_changed, row_of
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.lists import address
from packshot.edge.contract import NoFields
from packshot.edge.fields import Word
from packshot.edge.forms import read_form
from packshot.edge.paging import MOST_COUNTED, PageForm, Total, page_of
from packshot.edge.paging import PageAnswer as PageOf
from packshot.edge.path_ids import job_id_of
from packshot.edge.problems import kind_of
from projections.jobs import JobFilter

STATUSES = ("queued", "running", "succeeded", "partial", "failed", "cancelled")
OUTPUTS_SHOWN = 24


class JobsQuery(PageForm):
    """Which jobs to list."""

    status: Annotated[str, Word(STATUSES)] | None = None


@page("GET", "/jobs", scope=Scope.JOBS_READ, form=JobsQuery)
async def show_jobs(visit: Visit[JobsQuery]) -> Html:
    """List the organization's jobs, newest first."""
    form, jobs, org_id = visit.form, visit.services.jobs, visit.visitor.org_id
    listed = await jobs.list(
        org_id,
        JobFilter(status=form.status),
        before=form.after_id(JobId),
        limit=form.limit + 1,
        count_at_most=MOST_COUNTED + 1 if form.status else None,
    )
    total = Total.counted(listed.total) if form.status else Total(listed.total)
    shown, paging = page_of(listed.jobs, form, total=total, place=lambda job: str(job.job_id))
    askers = await visit.services.histories.askers(org_id, shown)
    rows = [row_of(job, listed.results.get(job.id), asker=askers.get(job.id, "")) for job in shown]
    values = {
        "rows": rows,
        "statuses": STATUSES,
        "status": form.status,
        "is_first": form.cursor is None,
        "is_going_on": any(not row.job.is_ended for row in rows),
        "address": address("/jobs", status=form.status, cursor=_sent(visit, "cursor")),
        **_paging("/jobs", paging, status=form.status),
    }
    return Html("jobs_list.html" if visit.is_fragment else "jobs.html", values)


@page("GET", "/jobs/{jobId}", scope=Scope.JOBS_READ, form=PageForm)
async def show_job(visit: Visit[PageForm]) -> Html:
    """Show a job: what was asked, what came of it, and what happened on the way."""
    return await _job_page(visit, form=visit.form)


@page("POST", "/jobs/{jobId}/cancel", scope=Scope.JOBS_WRITE)
async def cancel_job(visit: Visit[NoFields]) -> PageAnswer:
    """Call a job off, and go back to it."""
    return await _changed(visit, visit.services.jobs.cancel)


@page("POST", "/jobs/{jobId}/retry", scope=Scope.JOBS_WRITE)
async def retry_job(visit: Visit[NoFields]) -> PageAnswer:
    """Queue a job once more, and go back to it."""
    return await _changed(visit, visit.services.jobs.retry)


async def _changed(visit: Visit[NoFields], change: Any) -> PageAnswer:
    job_id = job_id_of(visit.path)
    try:
        await change(visit.context, job_id)
    except (Conflict, InvalidInput) as refusal:
        return await _job_page(visit, form=read_form(PageForm, {}), problem=refusal)
    return Redirect(f"/jobs/{job_id}")


async def _job_page(visit: Visit[Any], *, form: PageForm, problem: Refusal | None = None) -> Html:
    jobs, org_id = visit.services.jobs, visit.visitor.org_id
    job = await jobs.find(org_id, job_id_of(visit.path))
    results = await jobs.results(org_id, job)
    path = f"/jobs/{job.job_id}"
    values = {
        "row": row_of(job, results),
        "asked": asked_of(job.recipe),
        "outputs": [Output.from_dict(made) for one in results.jobs for made in one.outputs][
            :OUTPUTS_SHOWN
        ],
        "steps": await visit.services.histories.steps(org_id, job.job_id),
        "items": None,
        "is_changeable": may_be_changed(job),
        "problem": problem,
        "address": address(path, cursor=_sent(visit, "cursor")),
    }
    if job.items is not None:
        values |= await _items(visit, job, form, path=path)
    template = "job_told.html" if visit.is_fragment and problem is None else "job.html"
    status = 200 if problem is None else kind_of(problem.code).status
    return Html(template, values, status=status)


async def _items(visit: Visit[Any], job: Job, form: PageForm, *, path: str) -> dict[str, Any]:
    items = await visit.services.jobs.batches.list_items(
        visit.visitor.org_id, job, after=form.after_id(ItemId), limit=form.limit + 1
    )
    total = Total(job.items or 0)
    shown, paging = page_of(items, form, total=total, place=lambda item: str(ItemId(item.id)))
    return {"items": [row_of(item, None) for item in shown], **_paging(path, paging)}


def _paging(path: str, paging: PageOf, **query: str | None) -> dict[str, Any]:
    following = paging.next_cursor
    return {
        "paging": paging,
        "next": None if following is None else address(path, cursor=following, **query),
        "first": address(path, **query),
    }


def _sent(visit: Visit[Any], name: str) -> str | None:
    value = visit.values.get(name)
    return value if isinstance(value, str) else None
