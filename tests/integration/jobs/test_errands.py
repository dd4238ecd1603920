"""Jobs that are no picture have the same leases, tries and ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.errors import Refusal, Unavailable
from domain.ids import JobId, OrgId
from domain.job import Job
from given import context, requested_job
from integration.jobs.conftest import Workshop
from packshot.commands.errands import LeaseLost, context_of, hold
from packshot.commands.results import own_results
from packshot.store import jobqueue
from packshot.store.jobqueue import Lease, Ticket


async def asked(workshop: Workshop, org_id: OrgId) -> JobId:
    """A queued job of an operation that is no picture."""
    job = requested_job(operation="catalog/sync", input_sha256=None, input_bytes=None)
    job.queue()
    async with workshop.store.together() as unit:
        await workshop.store.save(context(org_id), job)
        ticket = Ticket(5, None, "cor_1", None, None)
        await jobqueue.put(await unit.connection(), org_id, job.job_id, ticket)
    return job.job_id


def doing(workshop: Workshop, errand: Callable[[Lease, Job], Awaitable[None]]) -> Workshop:
    return workshop.with_attempts(errands={"catalog/sync": errand})


async def test_an_errand_is_done_and_its_job_succeeds_without_outputs(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await asked(workshop, org_id)
    seen: list[Job] = []

    async def errand(_lease: Lease, job: Job) -> None:
        seen.append(job)

    await doing(workshop, errand).attempts.attempt(org_id, job_id)

    job = await workshop.job(org_id, job_id)
    assert [one.job_id for one in seen] == [job_id]
    assert (job.status, job.outputs, own_results(job).done) == ("succeeded", [], 1)


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal("channel_rejected", "It does not want it."), "failed"),
        (Unavailable("channel_unreachable", "It does not answer."), "queued"),
    ],
)
async def test_an_errands_refusal_settles_the_job_as_a_pictures_does(
    workshop: Workshop, org_id: OrgId, refusal: Refusal, status: str
) -> None:
    job_id = await asked(workshop, org_id)

    async def errand(_lease: Lease, _job: Job) -> None:
        raise refusal

    await doing(workshop, errand).attempts.attempt(org_id, job_id)

    assert (await workshop.job(org_id, job_id)).status == status


async def test_an_errand_whose_job_was_called_off_records_nothing_more(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await asked(workshop, org_id)
    noticed = asyncio.Event()

    async def errand(lease: Lease, job: Job) -> None:
        await workshop.jobs.cancel(context(org_id), job_id)
        try:
            async with workshop.store.together() as unit:
                await hold(unit, lease, lease_s=10.0)
                await workshop.store.save(context_of(lease), job)
        except LeaseLost:
            noticed.set()
            raise

    await doing(workshop, errand).attempts.attempt(org_id, job_id)

    assert noticed.is_set()
    assert await workshop.history(org_id, job_id) == ["requested", "queued", "started", "cancelled"]


async def test_a_worker_that_is_shut_down_leaves_the_errand_to_another(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await asked(workshop, org_id)
    begun = asyncio.Event()

    async def errand(_lease: Lease, _job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    busy = doing(workshop, errand)
    attempt = asyncio.create_task(busy.attempts.attempt(org_id, job_id))
    await begun.wait()
    await busy.attempts.hand_back()
    await asyncio.gather(attempt, return_exceptions=True)

    job = await workshop.job(org_id, job_id)
    assert (job.status, job.tries_left) == ("queued", 5)
