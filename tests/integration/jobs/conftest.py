"""A workshop: everything that jobs need in one process, without HTTP and without a broker."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.ids import JobId, OrgId
from domain.job import Job
from given import context
from imaging.recipe import Recipe
from integrations.http import OutboundClient, parse_allowed
from packshot.commands.attempts import Attempts
from packshot.commands.batches import Item
from packshot.commands.downloads import Downloads
from packshot.commands.jobs import Jobs, Link, Plan
from packshot.commands.making import Maker, Photo, Wish
from packshot.commands.relaying import Relay
from packshot.render.pool import RenderPool
from packshot.store.blobs import Blobs
from packshot.store.endings import Endings
from packshot.store.events import EventStore
from packshot.store.jobrelay import Due
from packshot.store.wake import Waker
from pictures import encoded
from services import RunningServices

WISH = Wish(Recipe(width_px=64, height_px=64))


@dataclass(frozen=True, slots=True)
class Asked:
    """A batch and the jobs that work on its items, in order."""

    batch_id: JobId
    item_ids: list[JobId]


@dataclass(slots=True)
class Workshop:
    """Jobs, their worker and their relay on one database; ``sent`` is what the broker was given."""

    store: EventStore
    jobs: Jobs
    attempts: Attempts
    relay: Relay
    sent: list[Due] = field(default_factory=list)

    async def ask(
        self,
        org_id: OrgId,
        content: bytes | None = None,
        *,
        url: str | None = None,
        plan: Plan = Plan(),  # noqa: B008 - frozen
        wish: Wish = WISH,
    ) -> JobId:
        """Ask for a job of a small picture, or of one behind an address."""
        if url is not None:
            return (await self.jobs.request(context(org_id), Link(url), wish, plan=plan)).job.job_id
        path = self.jobs.blobs.temporary("upload")
        path.write_bytes(content or encoded("jpeg", side=80))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        photo = Photo(path, sha256, path.stat().st_size)
        try:
            asked = await self.jobs.request(context(org_id), photo, wish, plan=plan)
        finally:
            path.unlink()
        return asked.job.job_id

    async def ask_batch(
        self,
        org_id: OrgId,
        pictures: Sequence[bytes],
        *,
        plan: Plan = Plan(),  # noqa: B008 - frozen
        wish: Wish = WISH,
    ) -> Asked:
        """Ask for a batch of these pictures, which the store has already."""
        items = []
        for picture in pictures:
            path = self.jobs.blobs.temporary("upload")
            path.write_bytes(picture)
            sha256 = hashlib.sha256(picture).hexdigest()
            await self.jobs.blobs.keep(org_id, path, sha256=sha256)
            kept = Photo(self.jobs.blobs.path(org_id, sha256), sha256, len(picture))
            items.append(Item(kept, replace(wish, webhook_url=None)))
        asked = await self.jobs.batches.request(context(org_id), items, wish, plan=plan)
        jobs = await self.jobs.batches.list_items(org_id, asked.job, after=None, limit=1000)
        return Asked(asked.job.job_id, [job.job_id for job in jobs])

    async def history(self, org_id: OrgId, job_id: JobId) -> list[str]:
        """What happened to the job, as words."""
        events = await self.store.read(org_id)
        return [e.type.split(".")[1] for e in events if e.stream_id == job_id.uuid]

    async def job(self, org_id: OrgId, job_id: JobId) -> Job:
        """The job as its events tell it."""
        return await self.jobs.find(org_id, job_id)

    def with_attempts(self, **changes: object) -> "Workshop":
        """The same workshop with another kind of worker."""
        return replace(self, attempts=replace(self.attempts, **changes))  # type: ignore[arg-type]


@pytest.fixture
async def workshop(
    store: EventStore, servers: RunningServices, tmp_path: Path
) -> AsyncIterator[Workshop]:
    """A workshop with one render child and leases of ten seconds."""
    async with a_workshop(store, servers, tmp_path) as made:
        yield made


@asynccontextmanager
async def a_workshop(
    store: EventStore, servers: RunningServices, folder: Path, *, allowed: str = ""
) -> AsyncIterator[Workshop]:
    """A workshop for the length of a block."""
    async with AsyncExitStack() as stack:
        waker, endings = Waker(servers.redis_url), Endings(servers.redis_url)
        client = OutboundClient(allowed_private=parse_allowed(allowed))
        pool = RenderPool(1)
        for close in (waker.close, endings.close, client.close, pool.stop):
            stack.push_async_callback(close)
        await pool.start()
        blobs = Blobs(folder)
        maker = Maker(store.pools, blobs, pool, clock=now)
        attempts = Attempts(
            store, blobs, maker, Downloads(client, blobs), waker, clock=now, lease_s=10.0
        )
        sent: list[Due] = []

        async def send(due: "object") -> None:
            sent.extend(due)  # type: ignore[arg-type] # a sequence of Due

        relay = Relay(store.pools, send)
        yield Workshop(store, Jobs(store, blobs, waker, endings), attempts, relay, sent)


def now() -> datetime:
    return datetime.now(UTC)


Clock = Callable[[], datetime]
