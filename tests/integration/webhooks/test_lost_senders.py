"""A sender that dies between the receiver's answer and its note of it: told again, under one id."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from domain.ids import OrgId
from integration.webhooks.conftest import Clock, ended_job, rows
from integration.webhooks.receiver import Receiver
from packshot.commands.deliveries import LEASE_S, Deliveries
from packshot.store import deliveries
from packshot.store.events import EventStore
from services import Database

ROOT = Path(__file__).parents[3]
SEND = """
import asyncio, sys
from datetime import UTC, datetime
from given import SECRETS, store_of
from integrations.http import OutboundClient, parse_allowed
from packshot.commands.deliveries import Deliveries
from packshot.commands.webhook_secrets import WebhookSecrets
from packshot.edge.webhook_bodies import webhook_body
from packshot.store.pool import open_pools

def now():
    return datetime.now(UTC)

async def main(app_url, writer_url, port):
    async with open_pools(app_url, writer_url) as pools:
        store = store_of(pools)
        client = OutboundClient(allowed_private=parse_allowed(f"127.0.0.0/8:{port}"))
        secrets = WebhookSecrets(store, now, SECRETS.key_encryption_key)
        await Deliveries(store, client, secrets, webhook_body, now).send_due()
        await client.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def send_in_a_process(database: Database, receiver: Receiver, *, failpoints: str) -> int:
    """Run a sender in a process of its own until it has nothing to do or dies."""
    paths = os.pathsep.join(str(ROOT / room) for room in ("platform", ".", "tests"))
    arguments = [database.app_url, database.writer_url, str(receiver.port)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SEND,
        *arguments,
        env=os.environ | {"FAILPOINTS": failpoints, "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    await process.communicate()
    assert process.returncode is not None
    return process.returncode


async def test_a_sender_that_is_killed_before_its_note_leaves_the_event_to_the_next(
    store: EventStore,
    database: Database,
    org_id: OrgId,
    sender: Deliveries,
    receiver: Receiver,
    clock: Clock,
) -> None:
    await ended_job(store, org_id, receiver.url)

    ended = await send_in_a_process(
        database, receiver, failpoints="hook.after_post_before_mark:kill"
    )
    assert ended == -signal.SIGKILL
    assert await sender.send_due() == 0, "the lease of the dead one still holds"
    clock.now = datetime.now(UTC) + timedelta(seconds=LEASE_S)
    assert await sender.send_due() == 1

    first, second = receiver.told
    assert first.message_id == second.message_id
    assert first.body == second.body
    assert [row["state"] for row in await rows(store)] == ["delivered"]


async def test_a_process_without_failpoints_delivers_and_ends(
    store: EventStore, database: Database, org_id: OrgId, receiver: Receiver
) -> None:
    await ended_job(store, org_id, receiver.url)

    assert await send_in_a_process(database, receiver, failpoints="") == 0

    assert len(receiver.told) == 1
    assert [row["state"] for row in await rows(store)] == ["delivered"]


async def test_a_sender_that_was_thought_dead_notes_nothing(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    await ended_job(store, org_id, receiver.url)
    async with store.pools.writing() as connection, connection.transaction():
        claimed = await deliveries.claim(connection, now=clock.now, most=1, lease_s=LEASE_S)
    (lost,) = claimed.deliveries
    clock.move(seconds=LEASE_S + 1)
    await sender.send_due()

    async with store.pools.writing() as connection:
        made = deliveries.Try(clock.now, None, 1, "timeout")
        assert not await deliveries.settle(connection, lost, made, state="exhausted")

    (row,) = await rows(store)
    assert (row["state"], row["attempt"], len(row["attempts"])) == ("delivered", 2, 1)


async def test_an_event_that_every_sender_dies_of_is_given_up(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    await ended_job(store, org_id, receiver.url)
    for _ in range(10):
        async with store.pools.writing() as connection, connection.transaction():
            await deliveries.wake(connection, now=clock.now)
            claimed = await deliveries.claim(connection, now=clock.now, most=1, lease_s=LEASE_S)
        assert len(claimed.deliveries) == 1
        clock.move(seconds=LEASE_S + 1)

    assert await sender.send_due() == 0
    assert (await rows(store))[0]["state"] == "exhausted"


async def test_a_database_that_goes_away_during_a_try_is_waited_for(
    store: EventStore, database: Database, org_id: OrgId, sender: Deliveries, receiver: Receiver
) -> None:
    await ended_job(store, org_id, receiver.url)

    async def end_every_connection() -> None:
        owner = await asyncpg.connect(database.owner_url)
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await owner.close()

    receiver.hold = end_every_connection
    await sender.send_due()

    owner = await asyncpg.connect(database.owner_url)
    assert await owner.fetchval("SELECT state FROM work.delivery") == "delivered"
    await owner.close()
    assert len(receiver.told) == 1
