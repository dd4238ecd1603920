"""What the tests of channels start from: a shop's bridge on loopback, and our side of it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.ids import IntegrationId, JobId, OrgId
from domain.job import Job
from domain.recorded import Recorded
from domain.webhook_secret import WebhookSecret
from given import SECRETS, context
from integrations.amazon_bridge import AmazonBridge
from integrations.http import OutboundClient, parse_allowed
from packshot.commands.attempts import Attempts
from packshot.commands.catalog_syncs import OPERATION, CatalogSyncs
from packshot.commands.connections import Connections
from packshot.commands.shops import Shops
from packshot.store.events import EventStore
from packshot.store.vault import Vault
from packshot.store.wake import Waker
from services import RunningServices
from shop import Shop, a_shop


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop of three products."""
    with a_shop(products=3) as shop:
        yield shop


OpenBridge = Callable[..., AmazonBridge]


@pytest.fixture
async def open_bridge() -> AsyncIterator[OpenBridge]:
    """Make our side of a bridge at a port of loopback."""
    async with AsyncExitStack() as stack:

        def open_it(port: int, secret: str, *, clock: Callable[[], datetime] = now) -> AmazonBridge:
            client = OutboundClient(allowed_private=parse_allowed("127.0.0.1/32"))
            stack.push_async_callback(client.close)
            url = f"http://127.0.0.1:{port}"
            return AmazonBridge(client, url, secret=WebhookSecret.parse(secret), clock=clock)

        yield open_it


@pytest.fixture
def bridge(open_bridge: OpenBridge, shop: Shop) -> AmazonBridge:
    """Our side of that shop."""
    return open_bridge(shop.port, shop.secret)


@dataclass(slots=True)
class Trade:
    """Everything that connections and syncs need in one process, without HTTP."""

    store: EventStore
    connections: Connections
    syncs: CatalogSyncs
    attempts: Attempts

    async def connected(self, org_id: OrgId, shop: Shop) -> IntegrationId:
        """Connect a shop."""
        linked = await self.connections.connect(
            context(org_id), kind="amazon-bridge", name="Shop", url=shop.url, secret=shop.secret
        )
        return linked.connection.integration_id

    async def asked(self, org_id: OrgId, integration_id: IntegrationId) -> JobId:
        """Ask for a sync."""
        return (await self.syncs.request(context(org_id), integration_id)).job.job_id

    async def synced(self, org_id: OrgId, integration_id: IntegrationId) -> Job:
        """Ask for a sync and do it."""
        job_id = await self.asked(org_id, integration_id)
        await self.attempts.attempt(org_id, job_id)
        return await self.store.load(Job, org_id=org_id, stream_id=job_id.uuid)

    async def told(self, org_id: OrgId, topic: str) -> list[Recorded]:
        """The events of a topic, in order."""
        return [event for event in await self.store.read(org_id) if event.type == topic]


@pytest.fixture
async def trade(store: EventStore, servers: RunningServices) -> AsyncIterator[Trade]:
    """Connections, syncs and a worker that makes no pictures."""
    client = OutboundClient(allowed_private=parse_allowed("127.0.0.1/32"))
    waker = Waker(servers.redis_url)
    shops = Shops(Vault(store.pools, SECRETS.key_encryption_key), client, None, now)
    connections = Connections(store, shops)
    syncs = CatalogSyncs(store, connections, waker, 10.0)
    nothing: Any = None  # errands touch no picture
    attempts = Attempts(
        store,
        nothing,
        nothing,
        nothing,
        waker,
        clock=now,
        lease_s=10.0,
        errands={OPERATION: syncs.read},
    )
    yield Trade(store, connections, syncs, attempts)
    await client.close()
    await waker.close()
