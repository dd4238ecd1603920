"""Catalog syncs: asked for as a job, read page by page by a worker, resumed where one was cut."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from domain.catalog_sync import CatalogSync, item_id_of
from domain.connection import Connection
from domain.errors import Conflict, NotFound, Refusal
from domain.ids import IntegrationId, JobId, OrgId, SyncId
from domain.job import USUAL_PRIORITY, Job
from domain.recorded import Context
from integrations.channel import CatalogItem, Page
from integrations.channel_errors import ChannelError, Unreadable, refusal_of_channel
from packshot.commands.connections import Connections, no_such_integration
from packshot.commands.errands import context_of, hold
from packshot.failpoints import failpoint
from packshot.store import catalog_ledger, jobqueue
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.jobqueue import Lease, Ticket
from packshot.store.unit import Unit
from packshot.store.wake import Waker
from projections.connections import Progress, Synced, sync_progress

OPERATION = "catalog/sync"
MOST_PAGES = 20_000  # two million listings: a catalog without end is none
REMOVED_AT_ONCE = 1000


class _Overtaken(Exception):
    """Somebody else has asked for a sync since the connection was looked at."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The job of a sync; ``head`` is the log's that says so, None when it was queued before."""

    job: Job
    head: LogHead | None


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """The newest sync of a connection and its job, and what the last whole one came to.

    ``job`` is None where no sync was asked for, ``sync`` where none is under way.
    """

    job: Job | None
    sync: Progress | None
    last: Synced | None


@dataclass(frozen=True, slots=True)
class CatalogSyncs:
    """The use cases of syncs, and the errand of workers."""

    store: EventStore
    connections: Connections
    waker: Waker
    lease_s: float

    async def request(self, context: Context, integration_id: IntegrationId) -> Asked:
        """Ask for a sync; while one is under way, that one is answered and no other is made."""
        while True:
            connection = await self.connections.find(context.org_id, integration_id)
            running = await self.running(context.org_id, connection)
            if running is not None:
                return Asked(running, None)
            with suppress(_Overtaken):
                return await self._queued(context, connection)

    async def status(self, org_id: OrgId, connection: Connection) -> SyncStatus:
        """How far the connection's newest sync is, and what the last whole one came to."""
        job, sync_id = await self._newest_job(org_id, connection), connection.sync_id
        sync = None
        if sync_id is not None and job is not None and not job.is_ended:
            async with self.store.pools.reading(org_id) as database:
                sync = await sync_progress(database, tenant_id=org_id.uuid, sync_id=sync_id.uuid)
        last = await self.connections.synced(org_id, [connection])
        return SyncStatus(job, sync, last.get(connection.id))

    async def running(self, org_id: OrgId, connection: Connection) -> Job | None:
        """The job of the connection's sync that has not ended yet; None without one."""
        job = await self._newest_job(org_id, connection)
        return None if job is None or job.is_ended else job

    async def read(self, lease: Lease, job: Job) -> None:
        """The errand: read the catalog to its end, from where the sync has come to."""
        integration_id = IntegrationId.parse(job.recipe["integrationId"])
        sync_id = SyncId.parse(job.recipe["syncId"])
        try:
            await self._read(lease, integration_id, sync_id)
        except ChannelError as error:
            refusal = refusal_of_channel(error)
            is_last = not refusal.retryable or job.tries_left <= 0
            await self._note_failure(lease, integration_id, sync_id if is_last else None, refusal)
            raise refusal from None

    async def _read(self, lease: Lease, integration_id: IntegrationId, sync_id: SyncId) -> None:
        connection = await self.connections.find(lease.org_id, integration_id)
        if connection.sync_id != sync_id:
            raise _outdated()
        channel = await self.connections.shops.of(lease.org_id, connection)
        sync = await self._begun(lease, integration_id, sync_id)
        seen: set[bytes] = set()  # of this attempt; one that goes on comes past a circle as well
        while sync.status == "running" and not sync.is_read:
            seen.add(_digest_of(sync.cursor))
            page = await channel.catalog(sync.cursor)
            if sync.pages >= MOST_PAGES:
                raise Unreadable("The shop's catalog has no end.")
            if page.cursor is not None and _digest_of(page.cursor) in seen:
                raise Unreadable("The shop's catalog leads back to a page that was read before.")
            await self._keep(lease, sync, page)
            failpoint("catalog.after_page")
        if sync.status == "running":
            await self._finish(lease, sync)

    async def _begun(
        self, lease: Lease, integration_id: IntegrationId, sync_id: SyncId
    ) -> CatalogSync:
        """The sync as an earlier attempt left it, or a new one."""
        sync = await self._find(lease.org_id, sync_id)
        if sync is None:
            sync = CatalogSync.start(sync_id, integration_id=integration_id)
        sync.resume()
        if sync.pending_events:
            async with self.store.together() as unit:
                await self._hold(unit, lease, integration_id)
                await self.store.save(context_of(lease), sync)
        return sync

    async def _keep(self, lease: Lease, sync: CatalogSync, page: Page) -> None:
        """Record a page and where the next one is, in one transaction."""
        told = {item_id_of(sync.integration_id, item.remote_id): item for item in page.items}
        digests = {item_id.uuid: bytes.fromhex(item.raw_digest) for item_id, item in told.items()}
        async with self.store.together() as unit:
            await self._hold(unit, lease, sync.integration_id)
            news = await catalog_ledger.changed(
                await unit.connection(),
                lease.org_id,
                sync.integration_id,
                sync_id=sync.sync_id,
                digests=digests,
            )
            changed = [
                as_told(sync.integration_id, item)
                for item_id, item in told.items()
                if item_id.uuid in news
            ]
            sync.fetch(cursor=page.cursor, items=changed, seen=len(told))
            await self.store.save(context_of(lease), sync)

    async def _finish(self, lease: Lease, sync: CatalogSync) -> None:
        """Record what is there no more, and the end."""
        while True:
            async with self.store.together() as unit:
                await self._hold(unit, lease, sync.integration_id)
                database, integration_id = await unit.connection(), sync.integration_id
                removed = await catalog_ledger.gone(
                    database,
                    lease.org_id,
                    integration_id,
                    sync_id=sync.sync_id,
                    at_most=REMOVED_AT_ONCE,
                )
                if removed:
                    sync.remove(removed)
                is_last = len(removed) < REMOVED_AT_ONCE
                if is_last:
                    items = await catalog_ledger.count(database, lease.org_id, integration_id)
                    sync.finish(items=items)
                await self.store.save(context_of(lease), sync)
            if is_last:
                await self.connections.note(context_of(lease), sync.integration_id, None)
                return

    async def _hold(self, unit: Unit, lease: Lease, integration_id: IntegrationId) -> None:
        """Keep the job and the connection for this unit; raises LeaseLost and NotFound."""
        await hold(unit, lease, lease_s=self.lease_s)
        database = await unit.connection()
        if not await catalog_ledger.lock_connection(database, lease.org_id, integration_id):
            raise no_such_integration()

    async def _note_failure(
        self,
        lease: Lease,
        integration_id: IntegrationId,
        sync_id: SyncId | None,
        refusal: Refusal,
    ) -> None:
        """Record that the shop fails; with ``sync_id``, that its sync has ended with that."""
        await self.connections.note(context_of(lease), integration_id, refusal)
        sync = None if sync_id is None else await self._find(lease.org_id, sync_id)
        if sync is None or sync.status != "running":
            return
        async with self.store.together() as unit:
            await self._hold(unit, lease, integration_id)
            sync.fail(refusal)
            await self.store.save(context_of(lease), sync)

    async def _queued(self, context: Context, known: Connection) -> Asked:
        """Queue a job unless somebody else has done so meanwhile: then raises _Overtaken."""
        sync_id = SyncId.new()
        recipe = {"integrationId": str(known.integration_id), "syncId": str(sync_id)}
        job = Job.request(
            JobId.new(),
            operation=OPERATION,
            recipe=recipe,
            recipe_hash=sha256(orjson.dumps(recipe)).hexdigest(),
            input_sha256=None,
            input_bytes=None,
        )
        job.queue()

        def ask(connection: Connection) -> None:
            if connection.sync_id != known.sync_id:
                raise _Overtaken
            connection.request_sync(sync_id, job_id=job.job_id)

        async with self.store.together() as unit:
            await self.store.change(context, Connection, stream_id=known.id, verb=ask)
            head = await self.store.save(context, job)
            ticket = Ticket(USUAL_PRIORITY, None, context.correlation_id, None, None)
            await jobqueue.put(await unit.connection(), context.org_id, job.job_id, ticket)
        self.store.when_true(lambda: self.waker.touched("jobs", str(job.job_id)))
        return Asked(job, head)

    async def _newest_job(self, org_id: OrgId, connection: Connection) -> Job | None:
        job_id = connection.sync_job_id
        if job_id is None:
            return None
        return await self.store.load(Job, org_id=org_id, stream_id=job_id.uuid)

    async def _find(self, org_id: OrgId, sync_id: SyncId) -> CatalogSync | None:
        try:
            return await self.store.load(CatalogSync, org_id=org_id, stream_id=sync_id.uuid)
        except NotFound:
            return None


def _digest_of(cursor: str | None) -> bytes:
    """What is remembered of a cursor: a shop may make them long, and there are many."""
    return sha256((cursor or "").encode()).digest()


def _outdated() -> Conflict:
    return Conflict(
        "version_conflict",
        "Another sync of this connection was asked for since.",
        fix="Look at the newest sync of the connection.",
    )


def as_told(integration_id: IntegrationId, item: CatalogItem) -> dict[str, Any]:
    """A listing as the log holds it, JSON-native; ids as UUIDs, so that the view may cast them."""
    return {
        "item_id": str(item_id_of(integration_id, item.remote_id).uuid),
        "integration_id": str(integration_id.uuid),
        "remote_id": item.remote_id,
        "sku": item.sku,
        "title": item.title,
        "url": item.url,
        "images": _images(item),
        "digest": item.images_digest,
        "updated_at": None if item.updated_at is None else item.updated_at.isoformat(),
    }


def _images(item: CatalogItem) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "remoteId": image.remote_id,
            "slot": image.slot,
            "url": image.url,
            "alt": image.alt,
            "width": image.width,
            "height": image.height,
            "sha256": image.sha256,
        }
        for image in item.images
    ]
