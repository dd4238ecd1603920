"""A desk: everything that publishes need in one process, with a real bridge behind it."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.ids import IntegrationId, OrgId, OutputId, PublishId
from domain.listing import Target, Wish
from domain.publish import Publish
from domain.webhook_secret import WebhookSecret
from given import SECRETS, context, founded, requested_job
from integrations.amazon_bridge import AmazonBridge
from integrations.channel import Channel
from integrations.http import OutboundClient, parse_allowed
from makers import an_output
from packshot.commands.attempts import Attempts
from packshot.commands.compliance import Compliance
from packshot.commands.downloads import Downloads
from packshot.commands.images import Images
from packshot.commands.making import Maker
from packshot.commands.publish_plans import Planner
from packshot.commands.publishes import Publishes
from packshot.commands.publishing import Publishing
from packshot.commands.requests import PUBLISH
from packshot.commands.shops import Shops
from packshot.render.pool import RenderPool
from packshot.store.blobs import Blobs
from packshot.store.events import EventStore
from packshot.store.vault import Vault
from packshot.store.wake import Waker
from reference_bridge import SECRET, Bridge, fill, jpeg, running_bridge
from services import Database, RunningServices
from shop import Shop, a_shop

SKU = "MUG 1/2"
LEASE_S = 10.0


@dataclass(slots=True)
class Desk:
    """Publishes and their worker; ``channels`` lead to its shops."""

    store: EventStore
    blobs: Blobs
    publishes: Publishes
    attempts: Attempts
    database: Database
    client: OutboundClient
    channels: dict[IntegrationId, Channel] = field(default_factory=dict)

    def connect(self, url: str, integration_id: IntegrationId | None = None) -> IntegrationId:
        """Connect a bridge."""
        integration_id = integration_id or IntegrationId.new()
        self.channels[integration_id] = AmazonBridge(
            self.client, url, WebhookSecret.parse(SECRET), clock=now
        )
        return integration_id

    async def output(self, org_id: OrgId, content: bytes, **told: Any) -> OutputId:
        """An output with these bytes, as an earlier job made it."""
        sha256 = hashlib.sha256(content).hexdigest()
        output = an_output(bytes_sha256=sha256, size_bytes=len(content), **told)
        job = requested_job()
        job.start()
        job.succeed([output], cached=False)
        await self.store.save(context(org_id), job)
        path = self.blobs.temporary("output")
        path.write_bytes(content)
        await self.blobs.keep(org_id, path, sha256=sha256)
        return output.output_id

    async def ask(
        self, org_id: OrgId, integration_id: IntegrationId, *, red: int = 200, **wish: Any
    ) -> Publish:
        """Ask for the publish of a new picture to the mug's main place."""
        output_id = await self.output(org_id, jpeg(red))
        target = wish.pop("target", Target(SKU))
        asked = Wish(integration_id, target, output_id=output_id, **wish)
        return (await self.publishes.request(context(org_id), asked)).publish

    async def work(self, org_id: OrgId, publish: Publish) -> Publish:
        """Let a worker make an attempt at the publish's job, due or not; what came of it.

        A lease that a dead worker holds has run out.
        """
        owner = await asyncpg.connect(self.database.owner_url)
        await owner.execute("UPDATE work.job SET state = 'waiting' WHERE state = 'scheduled'")
        await owner.execute("UPDATE work.job SET lease_until = now() - interval '1 second'")
        await owner.close()
        publish = await self.find(org_id, publish.publish_id)
        await self.attempts.attempt(org_id, publish.job_id)
        return await self.find(org_id, publish.publish_id)

    async def done(self, org_id: OrgId, integration_id: IntegrationId, **wish: Any) -> Publish:
        """A publish that was asked for and worked on."""
        return await self.work(org_id, await self.ask(org_id, integration_id, **wish))

    async def undo(self, org_id: OrgId, publish: Publish) -> Publish:
        """The undo of a publish, worked on."""
        asked = await self.publishes.rollback(context(org_id), publish.publish_id)
        return await self.work(org_id, asked.publish)

    async def find(self, org_id: OrgId, publish_id: PublishId) -> Publish:
        """The publish as its events tell it."""
        return (await self.publishes.find(org_id, publish_id)).publish

    async def history(self, org_id: OrgId, publish: Publish) -> list[str]:
        """What happened to the publish, as words."""
        events = await self.store.read(org_id)
        return [e.type.split(".")[1] for e in events if e.stream_id == publish.id]

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        """What the database holds."""
        owner = await asyncpg.connect(self.database.owner_url)
        rows = await owner.fetch(statement)
        await owner.close()
        return [dict(row) for row in rows]

    def with_attempts(self, **changes: Any) -> "Desk":
        """The same desk with another kind of worker."""
        return replace(self, attempts=replace(self.attempts, **changes))


@pytest.fixture
async def desk(
    store: EventStore, database: Database, servers: RunningServices, tmp_path: Path
) -> AsyncIterator[Desk]:
    """A desk with no shop yet."""
    async with a_desk(store, database, servers.redis_url, folder=tmp_path) as desk:
        yield desk


@asynccontextmanager
async def a_desk(
    store: EventStore, database: Database, redis_url: str, *, folder: Path
) -> AsyncIterator[Desk]:
    """A desk for the length of a block."""
    async with AsyncExitStack() as stack:
        client = OutboundClient(allowed_private=parse_allowed("127.0.0.1/32"))
        waker, pool = Waker(redis_url), RenderPool(1)
        for close in (client.close, waker.close, pool.stop):
            stack.push_async_callback(close)
        blobs = Blobs(folder / "storage")
        maker = Maker(store.pools, blobs, pool, clock=now)
        channels: dict[IntegrationId, Channel] = {}

        async def open_channel(_org_id: OrgId, integration_id: IntegrationId) -> Channel:
            return channels[integration_id]

        planner = Planner(store, Images(store, blobs, maker, waker))
        publishing = Publishing(store, planner, open_channel, lease_s=LEASE_S)
        attempts = Attempts(
            store, blobs, maker, Downloads(client, blobs), waker, clock=now, lease_s=LEASE_S,
            errands={PUBLISH: publishing.deliver}, endings={PUBLISH: publishing.ending},
        )  # fmt: skip
        await pool.start()
        compliance = Compliance(pool, planner.images, now)
        shops = Shops(Vault(store.pools, SECRETS.key_encryption_key), client, None, now)
        publishes = Publishes(store, planner, open_channel, shops, waker, compliance)
        yield Desk(store, blobs, publishes, attempts, database, client, channels)


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    """A running bridge with one listing of two pictures."""
    fill(tmp_path / "listings", [SKU])
    folder = tmp_path / "bridge"
    folder.mkdir()
    with running_bridge(folder, "--fill", str(tmp_path / "listings")) as running:
        yield running


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop that a test can break, with the mug."""
    with a_shop() as shop:
        shop.put(SKU)
        yield shop


@pytest.fixture
async def acme(store: EventStore) -> OrgId:
    """An organization."""
    return await founded(store, "Acme")


def now() -> datetime:
    return datetime.now(UTC)
