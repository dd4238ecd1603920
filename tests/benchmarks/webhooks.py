"""How many webhooks one sender process delivers in a second to a fast receiver on loopback."""

import asyncio
import multiprocessing
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from benchmarks.rows import row
from domain.ids import OrgId
from given import SECRETS, context, founded, requested_job, store_of
from integrations.http import OutboundClient, parse_allowed
from makers import an_output
from packshot.commands.deliveries import Deliveries
from packshot.commands.webhook_secrets import WebhookSecrets
from packshot.edge.webhook_bodies import webhook_body
from packshot.store import deliveries
from packshot.store.events import EventStore
from packshot.store.pool import open_pools
from services import Database, running_services

DELIVERIES = 1500
TARGET_PER_S = 150.0
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class FastReceiver(asyncio.Protocol):
    """Answers every request whose body has come whole, and nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.came = transport, b""

    def data_received(self, data: bytes) -> None:
        self.came += data
        head, found, body = self.came.partition(b"\r\n\r\n")
        if found:
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(body) >= length:
                self.came = b""
                self.transport.write(OK)  # type: ignore[attr-defined]


def webhook_rows() -> list[dict[str, Any]]:
    """The row ``webhook-rate``."""
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,))
    receiver.start()
    try:
        with running_services(is_durable=True) as services, asyncio.Runner() as runner:
            opened = services.database()
            database = runner.run(opened.__aenter__())
            port = ours.recv()
            rate = uvloop.run(deliveries_per_s(database, port))
            runner.run(opened.__aexit__(None, None, None))
    finally:
        receiver.terminate()
        receiver.join()
    return [row("webhook-rate", rate, unit="1/s", target=TARGET_PER_S, better="more")]


def run() -> list[dict[str, Any]]:
    """The rows of this bench."""
    return webhook_rows()


def receive(parent: Connection) -> None:
    """Be the receiver; tells the parent its port."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(FastReceiver, "127.0.0.1", 0)
        parent.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


async def deliveries_per_s(database: Database, port: int) -> float:
    """The rate of one sender that finds its deliveries waiting, as its loop runs them."""
    async with open_pools(database.app_url, database.writer_url) as pools:
        store = store_of(pools)
        org_id = await founded(store, "Acme")
        for _ in range(DELIVERIES):
            await end_a_job(store, org_id, f"http://127.0.0.1:{port}/hook")
        client = OutboundClient(allowed_private=parse_allowed(f"127.0.0.0/8:{port}"))
        secrets = WebhookSecrets(store, now, SECRETS.key_encryption_key)
        sender = Deliveries(store, client, secrets, webhook_body, now)
        stop = asyncio.Event()
        began_s = time.perf_counter()
        running = asyncio.create_task(sender.run(stop))
        while await count_left(store):
            await asyncio.sleep(0.02)
        took_s = time.perf_counter() - began_s
        stop.set()
        await running
        await client.close()
    return DELIVERIES / took_s


async def end_a_job(store: EventStore, org_id: OrgId, url: str) -> None:
    """A job that has ended, and its delivery."""
    job = requested_job()
    job.queue()
    job.start()
    job.succeed([an_output()], cached=False)
    async with store.together() as unit:
        head = await store.save(context(org_id), job)
        await deliveries.put(await unit.connection(), head, job=job, url=url)


async def count_left(store: EventStore) -> int:
    """How many are not delivered yet."""
    async with store.pools.writing() as connection:
        left: int = await connection.fetchval(
            "SELECT count(*) FROM work.delivery WHERE state <> 'delivered'"
        )
    return left


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)
