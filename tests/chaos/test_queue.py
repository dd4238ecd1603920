"""Lease, renewal, fence and commit of the queue, each where a planted fault would break it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.ids import JobId, OrgId
from integration.jobs.conftest import Workshop, workshop
from packshot import failpoints
from packshot.commands.attempts import LeaseLost
from packshot.commands.making import Made, Maker
from packshot.failpoints import FailpointReached
from packshot.store.pool import DriverConnection
from services import Database

__all__ = ["workshop"]  # the fixture

LEASE_S = 1.5


@dataclass(slots=True)
class HeldMaker:
    """A maker that begins a picture and does not finish it before it is let go."""

    maker: Maker
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def key(self, *what: Any) -> bytes:
        return self.maker.key(*what)

    async def find(self, *what: Any) -> Any:
        return await self.maker.find(*what)

    async def make(self, *what: Any, **how: Any) -> Made:
        self.begun.set()
        await self.let_go.wait()
        return await self.maker.make(*what, **how)


@asynccontextmanager
async def owning(database: Database) -> AsyncIterator[DriverConnection]:
    owner = await asyncpg.connect(database.owner_url)
    try:
        yield owner
    finally:
        await owner.close()


async def lease_until(owner: DriverConnection, job_id: JobId) -> datetime:
    until: datetime = await owner.fetchval(
        "SELECT lease_until FROM work.job WHERE job_id = $1", job_id.uuid
    )
    return until


async def test_a_lease_is_renewed_for_as_long_as_the_work_takes(
    workshop: Workshop, org_id: OrgId, database: Database
):
    job_id = await workshop.ask(org_id)
    held = HeldMaker(workshop.attempts.maker)
    attempts = workshop.with_attempts(maker=held, lease_s=LEASE_S).attempts
    attempt = asyncio.create_task(attempts.attempt(org_id, job_id))
    try:
        async with asyncio.timeout(20), owning(database) as owner:
            await held.begun.wait()
            first = await lease_until(owner, job_id)
            while await lease_until(owner, job_id) < first + timedelta(seconds=LEASE_S):
                assert not attempt.done()
    finally:
        held.let_go.set()
        await attempt

    assert await workshop.history(org_id, job_id) == ["requested", "queued", "started", "succeeded"]


async def test_who_lost_the_lease_cannot_end_the_job_under_the_next_worker(
    workshop: Workshop, org_id: OrgId, database: Database
):
    job_id = await workshop.ask(org_id)
    late = await workshop.attempts._begin(org_id, job_id)
    async with owning(database) as owner:
        await owner.execute("UPDATE work.job SET lease_until = now() - interval '1 s'")
    next_one = await workshop.attempts._begin(org_id, job_id)
    assert late is not None
    assert next_one is not None

    with pytest.raises(LeaseLost):
        await workshop.attempts._work(*late)
    await workshop.attempts._work(*next_one)

    assert await workshop.history(org_id, job_id) == [
        "requested", "queued", "started", "interrupted", "started", "succeeded",
    ]  # fmt: skip


async def test_a_job_and_its_place_in_the_queue_become_true_together(
    workshop: Workshop, org_id: OrgId, monkeypatch: pytest.MonkeyPatch
):
    armed = failpoints._armed("job.before_commit:raise")
    monkeypatch.setattr(failpoints, "_ARMED", armed)

    with pytest.raises(FailpointReached):
        await workshop.ask(org_id)

    events = await workshop.store.read(org_id)
    assert [event.type for event in events if event.type.startswith("job.")] == []
    job_id = await workshop.ask(org_id)  # the next one is whole
    assert await workshop.relay.round() == 1
    assert await workshop.history(org_id, job_id) == ["requested", "queued"]
