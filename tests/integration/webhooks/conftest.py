"""What the tests of webhooks start from: ended jobs, a clock that tests move, senders."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.ids import OrgId
from domain.job import Job
from given import SECRETS, context, requested_job, store_of
from integration.webhooks.receiver import Receiver, receiving
from integrations.http import OutboundClient, Resolve, parse_allowed
from makers import an_output
from packshot.commands.deliveries import Deliveries
from packshot.commands.webhook_secrets import WebhookSecrets
from packshot.edge.webhook_bodies import webhook_body
from packshot.store import deliveries
from packshot.store.events import EventStore
from packshot.store.pool import open_pools
from services import Database


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


OpenSender = Callable[..., Deliveries]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that takes everything unless the test says otherwise."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def open_sender(database: Database, clock: Clock) -> AsyncIterator[OpenSender]:
    """Make senders, each with connections of its own; ``ports`` of loopback are allowed."""
    async with AsyncExitStack() as stack:

        async def open_it(*ports: int, resolve: Resolve | None = None) -> Deliveries:
            pools = await stack.enter_async_context(
                open_pools(database.app_url, database.writer_url)
            )
            store = store_of(pools)
            allowed = ",".join(f"127.0.0.0/8:{port}" for port in ports)
            client = OutboundClient(allowed_private=parse_allowed(allowed), resolve=resolve)
            stack.push_async_callback(client.close)
            return Deliveries(
                store,
                client,
                WebhookSecrets(store, clock, SECRETS.key_encryption_key),
                webhook_body,
                clock,
                spread=lambda _low, _high: 1.0,
            )

        yield open_it


@pytest.fixture
async def sender(open_sender: OpenSender, receiver: Receiver) -> Deliveries:
    """A sender that may reach the receiver."""
    return await open_sender(receiver.port)


async def ended_job(store: EventStore, org_id: OrgId, url: str) -> Job:
    """A job that succeeded just now, and the delivery that is to tell of it."""
    job = requested_job(sku="SKU-1")
    job.queue()
    job.start()
    job.succeed([an_output()], cached=False)
    async with store.together() as unit:
        head = await store.save(context(org_id), job)
        await deliveries.put(await unit.connection(), head, job=job, url=url)
    return job


async def rows(store: EventStore) -> list[dict[str, Any]]:
    """Every delivery, the oldest first."""
    async with store.pools.writing() as connection:
        await connection.set_type_codec(
            "jsonb", encoder=str, decoder=json.loads, schema="pg_catalog"
        )
        found = await connection.fetch("SELECT * FROM work.delivery ORDER BY delivery_id")
    return [dict(row) for row in found]
