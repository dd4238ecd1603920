"""An attempt at a job: done once, whoever else tries, and never lost."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any, NoReturn

import asyncpg
import pytest

from domain.errors import Conflict, Forbidden, InvalidImage, InvalidInput, NotFound, Unavailable
from domain.ids import JobId, OrgId
from domain.job import MOST_TRIES
from given import context, founded
from integration.jobs.conftest import Workshop, now
from packshot.commands import attempts
from packshot.commands.attempts import LeaseLost
from packshot.commands.jobs import Plan
from packshot.commands.relaying import LEAST_WINDOW
from packshot.render.refusals import stopped_twice
from packshot.store.endings import MOST_WAITERS
from packshot.store.events import EventStore
from pictures import encoded, truncated
from services import Database

DONE = ["requested", "queued", "started", "succeeded"]


class Refusing:
    """A maker that refuses every picture, and counts."""

    def __init__(self, refusal: Exception) -> None:
        self.refusal = refusal
        self.asked = 0

    def key(self, *_: object) -> bytes:
        return b""

    async def find(self, *_: object) -> None:
        return None

    async def make(self, *_: object, **__: object) -> None:
        self.asked += 1
        raise self.refusal


async def row_of(database: Database, job_id: JobId) -> Mapping[str, Any] | None:
    """The job's row of the queue."""
    owner = await asyncpg.connect(database.owner_url)
    try:
        return await owner.fetchrow("SELECT * FROM work.job WHERE job_id = $1", job_id.uuid)
    finally:
        await owner.close()


async def set_back(database: Database, job_id: JobId, column: str) -> None:
    """Have a time of the job's row lie an hour back, as if that hour had passed."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        f"UPDATE work.job SET {column} = {column} - interval '1 hour' WHERE job_id = $1",
        job_id.uuid,
    )
    await owner.close()


async def test_a_job_is_made_and_leaves_the_queue(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)

    await workshop.attempts.attempt(org_id, job_id)

    job = await workshop.job(org_id, job_id)
    assert await workshop.history(org_id, job_id) == DONE
    assert job.outputs[0]["job_id"] == str(job_id)
    assert await row_of(database, job_id) is None


async def test_two_workers_at_once_make_one_output(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)

    await asyncio.gather(*(workshop.attempts.attempt(org_id, job_id) for _ in range(8)))

    assert await workshop.history(org_id, job_id) == DONE


async def test_a_finished_job_is_not_done_again(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)
    await workshop.attempts.attempt(org_id, job_id)

    await workshop.attempts.attempt(org_id, job_id)

    assert await workshop.history(org_id, job_id) == DONE


async def test_a_job_of_a_picture_made_before_refers_to_that_output(
    workshop: Workshop, org_id: OrgId
) -> None:
    first, second = await workshop.ask(org_id), await workshop.ask(org_id)
    for job_id in (first, second):
        await workshop.attempts.attempt(org_id, job_id)

    made, again = [await workshop.job(org_id, job_id) for job_id in (first, second)]
    assert (made.cached, again.cached) == (False, True)
    assert again.outputs[0]["output_id"] == made.outputs[0]["output_id"]


async def test_a_broken_picture_fails_its_job_at_once(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id, truncated("jpeg"))

    await workshop.attempts.attempt(org_id, job_id)

    job = await workshop.job(org_id, job_id)
    assert await workshop.history(org_id, job_id) == ["requested", "queued", "started", "failed"]
    assert job.error is not None
    assert job.error["code"] == "malformed_image"
    row = await row_of(database, job_id)
    assert row is not None
    assert row["state"] == "ended"


async def test_what_may_pass_is_tried_again_later(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    busy = workshop.with_attempts(maker=Refusing(Unavailable("overloaded", "Busy.")))

    await busy.attempts.attempt(org_id, job_id)
    await busy.attempts.attempt(org_id, job_id)  # not due yet: nothing happens

    assert await workshop.history(org_id, job_id) == ["requested", "queued", "started", "postponed"]
    row = await row_of(database, job_id)
    assert row is not None
    assert row["state"] == "scheduled"
    assert row["due_at"] > now() - timedelta(seconds=1)


@pytest.mark.parametrize(("retryable", "ends"), [(True, "postponed"), (False, "failed")])
async def test_an_address_is_tried_again_when_its_failure_may_pass(
    workshop: Workshop, org_id: OrgId, *, retryable: bool, ends: str
) -> None:
    job_id = await workshop.ask(org_id)
    refusal = InvalidInput("url_fetch_failed", "The host answered otherwise.")
    refusal.retryable = retryable

    await workshop.with_attempts(maker=Refusing(refusal)).attempts.attempt(org_id, job_id)

    assert (await workshop.history(org_id, job_id))[-1] == ends
    error = (await workshop.job(org_id, job_id)).error
    assert error is None or error["retryable"] is False


async def test_a_job_that_never_works_fails_with_the_last_reason(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    maker = Refusing(Unavailable("timeout", "Too slow."))
    slow = workshop.with_attempts(maker=maker)

    for _ in range(7):
        await slow.attempts.attempt(org_id, job_id)
        await set_back(database, job_id, "due_at")
        await workshop.relay.round()
        workshop.relay._looked_s = 0.0

    job = await workshop.job(org_id, job_id)
    assert (job.status, maker.asked) == ("failed", 5)
    assert job.error is not None
    assert job.error["code"] == "timeout"


async def test_a_picture_that_kills_its_renderer_every_time_is_given_up_once(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    maker = Refusing(stopped_twice())
    deadly = workshop.with_attempts(maker=maker)

    for _ in range(7):
        await deadly.attempts.attempt(org_id, job_id)
        await set_back(database, job_id, "due_at")
        workshop.relay._looked_s = 0.0
        await workshop.relay.round()

    history = await workshop.history(org_id, job_id)
    job = await workshop.job(org_id, job_id)
    assert maker.asked == 3
    assert history.count("failed") == 1
    assert job.error is not None
    assert job.error["code"] == "job_dead"


async def test_a_fault_of_ours_is_tried_again_and_told_as_ours(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await workshop.ask(org_id)
    broken = workshop.with_attempts(maker=Refusing(ZeroDivisionError()))

    await broken.attempts.attempt(org_id, job_id)

    events = await workshop.store.read(org_id)
    assert events[-1].type == "job.postponed.v1"
    assert events[-1].data["reason"]["code"] == "internal"


async def test_a_worker_that_died_is_succeeded_by_another_when_its_lease_has_run_out(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    begun = await workshop.attempts._begin(org_id, job_id)  # and then silence
    assert begun is not None
    await workshop.attempts.attempt(org_id, job_id)
    assert (await workshop.job(org_id, job_id)).status == "running"

    await set_back(database, job_id, "lease_until")
    await workshop.attempts.attempt(org_id, job_id)

    assert await workshop.history(org_id, job_id) == [
        "requested", "queued", "started", "interrupted", "started", "succeeded",
    ]  # fmt: skip


async def test_a_worker_that_comes_back_late_cannot_end_the_job_a_second_time(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    begun = await workshop.attempts._begin(org_id, job_id)
    assert begun is not None
    await set_back(database, job_id, "lease_until")
    await workshop.attempts.attempt(org_id, job_id)
    before = await workshop.history(org_id, job_id)

    with pytest.raises(LeaseLost):
        await workshop.attempts._work(*begun)

    assert await workshop.history(org_id, job_id) == before


async def test_a_job_that_cost_three_workers_is_dead(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    for _ in range(3):
        assert await workshop.attempts._begin(org_id, job_id) is not None
        await set_back(database, job_id, "lease_until")

    assert await workshop.attempts._begin(org_id, job_id) is None

    job = await workshop.job(org_id, job_id)
    assert (job.status, job.attempt) == ("failed", 3)
    assert job.error is not None
    assert job.error["code"] == "job_dead"


async def test_a_job_whose_last_attempt_cost_its_worker_says_so(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    flaky = workshop.with_attempts(maker=Refusing(Unavailable("timeout", "It took too long.")))
    for _ in range(MOST_TRIES - 1):
        await flaky.attempts.attempt(org_id, job_id)
        await set_back(database, job_id, "due_at")
        workshop.relay._looked_s = 0.0
        await workshop.relay.round()
    assert await workshop.attempts._begin(org_id, job_id) is not None
    await set_back(database, job_id, "lease_until")

    assert await workshop.attempts._begin(org_id, job_id) is None

    error = (await workshop.job(org_id, job_id)).error
    assert error is not None
    assert error["code"] == "job_dead"
    assert "lost in the last of 5 attempts" in error["detail"]


async def test_a_worker_that_is_shut_down_hands_its_job_back_at_no_cost(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    started = asyncio.Event()

    class Endless(Refusing):
        async def make(self, *_: object, **__: object) -> None:
            started.set()
            await asyncio.Event().wait()

    slow = workshop.with_attempts(maker=Endless(ValueError()))
    attempt = asyncio.create_task(slow.attempts.attempt(org_id, job_id))
    await started.wait()

    await slow.attempts.hand_back()

    assert attempt.cancelled()
    await workshop.attempts.attempt(org_id, job_id)
    job = await workshop.job(org_id, job_id)
    assert (job.status, job.tries_left) == ("succeeded", 4)


async def test_a_worker_that_is_shut_down_does_not_wait_long_for_a_database_that_is_away(
    workshop: Workshop, org_id: OrgId, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await workshop.ask(org_id)
    monkeypatch.setattr(attempts, "HAND_BACK_WITHIN_S", 0.1)
    started = asyncio.Event()

    class Endless(Refusing):
        async def make(self, *_: object, **__: object) -> None:
            started.set()
            await asyncio.Event().wait()

    async def away() -> NoReturn:
        raise ConnectionRefusedError

    slow = workshop.with_attempts(maker=Endless(ValueError()))
    attempt = asyncio.create_task(slow.attempts.attempt(org_id, job_id))
    await started.wait()
    writer = workshop.store.pools.writer
    for connection in writer.idle:
        await connection.close()
    writer.connect = away

    async with asyncio.timeout(20):  # a recorded end is tried for 300 s
        await slow.attempts.hand_back()

    assert attempt.cancelled()


async def test_jobs_of_an_organization_that_is_closed_make_room_for_others(
    workshop: Workshop, store: EventStore, org_id: OrgId, database: Database
) -> None:
    other = await founded(store, "Other")
    shut = [await workshop.ask(org_id) for _ in range(LEAST_WINDOW + 2)]
    wanted = [await workshop.ask(other) for _ in range(LEAST_WINDOW + 2)]
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("UPDATE es.tenant_head SET open = false WHERE tenant_id = $1", org_id.uuid)
    await owner.close()

    done = []
    while await workshop.relay.round():
        for due in workshop.sent:
            with suppress(Forbidden):
                await workshop.attempts.attempt(due.org_id, due.job_id)
                done.append(due.job_id)
        workshop.sent.clear()

    assert done == wanted
    rows = [await row_of(database, job_id) for job_id in shut]
    assert [row["state"] for row in rows if row] == ["scheduled"] * len(shut)


async def test_a_job_is_cancelled_while_it_runs_and_its_worker_stops(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await workshop.ask(org_id)
    started, stopped = asyncio.Event(), asyncio.Event()

    class Endless(Refusing):
        async def make(self, *_: object, **__: object) -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

    slow = workshop.with_attempts(maker=Endless(ValueError()), lease_s=0.3)
    attempt = asyncio.create_task(slow.attempts.attempt(org_id, job_id))
    await started.wait()

    await workshop.jobs.cancel(context(org_id), job_id)
    await asyncio.wait_for(attempt, 5)

    assert stopped.is_set()
    assert await workshop.history(org_id, job_id) == [
        "requested", "queued", "started", "cancelled",
    ]  # fmt: skip


async def test_a_cancelled_job_is_not_begun(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)
    await workshop.jobs.cancel(context(org_id), job_id)

    await workshop.attempts.attempt(org_id, job_id)

    assert await workshop.history(org_id, job_id) == ["requested", "queued", "cancelled"]


async def test_a_job_that_ended_well_cannot_be_cancelled(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)
    await workshop.attempts.attempt(org_id, job_id)

    with pytest.raises(Conflict) as refused:
        await workshop.jobs.cancel(context(org_id), job_id)

    assert refused.value.code == "already_terminal"


async def test_a_failed_job_is_retried_from_its_own_picture(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await workshop.ask(org_id)
    refusing = workshop.with_attempts(maker=Refusing(InvalidImage("malformed_image", "No.")))
    await refusing.attempts.attempt(org_id, job_id)

    await workshop.jobs.retry(context(org_id), job_id)
    await workshop.attempts.attempt(org_id, job_id)

    assert (await workshop.history(org_id, job_id))[-4:] == [
        "failed", "retried", "started", "succeeded",
    ]  # fmt: skip


async def test_a_cancelled_job_is_retried(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)
    await workshop.jobs.cancel(context(org_id), job_id)

    await workshop.jobs.retry(context(org_id), job_id)
    await workshop.attempts.attempt(org_id, job_id)

    assert (await workshop.job(org_id, job_id)).status == "succeeded"


async def test_a_job_is_not_begun_before_its_time(workshop: Workshop, org_id: OrgId) -> None:
    plan = Plan(not_before=now() + timedelta(hours=1))
    job_id = await workshop.ask(org_id, plan=plan)

    assert await workshop.relay.round() == 0
    await workshop.attempts.attempt(org_id, job_id)

    assert await workshop.history(org_id, job_id) == ["requested", "queued"]


async def test_a_job_whose_picture_was_removed_fails_and_says_so(
    workshop: Workshop, org_id: OrgId
) -> None:
    content = encoded("jpeg", side=90)
    job_id = await workshop.ask(org_id, content)
    job = await workshop.job(org_id, job_id)
    workshop.jobs.blobs.path(org_id, job.input_sha256 or "").unlink()

    await workshop.attempts.attempt(org_id, job_id)

    error = (await workshop.job(org_id, job_id)).error
    assert error is not None
    assert "no longer kept" in error["detail"]


async def test_a_job_of_another_organization_is_not_there(
    workshop: Workshop, store: EventStore, org_id: OrgId
) -> None:
    job_id = await workshop.ask(org_id)
    other = await founded(store, "Other")

    for use in (
        workshop.jobs.find(other, job_id),
        workshop.jobs.cancel(context(other), job_id),
        workshop.jobs.retry(context(other), job_id),
    ):
        with pytest.raises(NotFound):
            await use
    await workshop.attempts.attempt(other, job_id)
    assert await workshop.history(org_id, job_id) == ["requested", "queued"]


async def test_a_wait_too_many_is_answered_at_once(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)

    with ExitStack() as waiting:
        for _ in range(MOST_WAITERS):
            waiting.enter_context(workshop.jobs.endings.watched(job_id))
        job = await asyncio.wait_for(workshop.jobs.wait(org_id, job_id, at_most_s=25), 5)

    assert job.status == "queued"
