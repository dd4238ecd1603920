"""The event store against a bare INSERT and against the library's own recorder, in one run.

Every contender writes the same 600-byte event to a durable server (fsync on) from 16 writers; the
contenders take turns, round by round, and the ratio is the median over the rounds.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import uvloop
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks.following import measure_lag, measure_rebuild
from benchmarks.loading import measure_load
from benchmarks.rows import paired_ratio, row
from domain.ids import OrgId
from given import context, founded, requested_job, store_of
from packshot.commands.audit import Audit
from packshot.store.events import EventStore
from packshot.store.export_lines import MEDIA_TYPES, Format
from packshot.store.pool import open_pools
from packshot.store.verify import verify_log
from services import Database, running_services

WRITERS = 16
ROUNDS = 7
ROUND_S = 1.0
READY_APPENDS = 3000  # for each writer and round, more than it can append
BATCH = 10
VERIFIED_EVENTS = 50_000

RAW_TABLE = """
CREATE TABLE public.raw (
  tenant_id uuid NOT NULL, seq bigint NOT NULL, stream_id uuid NOT NULL, version int NOT NULL,
  event_id uuid NOT NULL, type text NOT NULL, data json NOT NULL, meta json NOT NULL,
  at timestamptz NOT NULL, hash bytea NOT NULL,
  PRIMARY KEY (tenant_id, seq), UNIQUE (tenant_id, stream_id, version)
)
"""
RAW_INSERT = "INSERT INTO public.raw VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"

Contender = Callable[[], Awaitable[float]]


def run() -> list[dict[str, Any]]:
    """Measure the section `store` of the targets."""
    with running_services(is_durable=True) as servers:

        async def measure() -> list[dict[str, Any]]:
            async with servers.database() as database:
                rows = await _measure(database)
            async with servers.database() as database:
                rows.append(await measure_load(database))
            async with servers.database() as database:
                rows.append(await measure_rebuild(database))
            async with servers.database() as database:
                rows.append(await measure_lag(servers, database))
            return rows

        return uvloop.run(measure())  # the loop that the product runs on


async def _measure(database: Database) -> list[dict[str, Any]]:
    async with open_pools(database.app_url, database.writer_url, size=WRITERS) as pools:
        store = store_of(pools)
        tenants = [await founded(store, f"Org {number}") for number in range(WRITERS)]
        data = store.codec.encode(requested_job().collect_events()[0])[1]  # type: ignore[arg-type]
        raw = await _raw(database, tenants, data)
        library, close_library = _library(database, data)
        one, several = _appends(store, tenants, 1), _appends(store, tenants, BATCH)
        rates: dict[str, list[float]] = {"raw": [], "one": [], "library": [], "several": []}
        contenders = {"raw": raw, "one": one, "library": library, "several": several}
        for contender in contenders.values():
            await contender()  # connections and plans are warm after this
        for _ in range(ROUNDS):
            for name, contender in contenders.items():
                rates[name].append(await contender())
        close_library()
        await _fill(store, tenants[0])
        started = time.perf_counter()
        verdicts = await verify_log(database.owner_url)
        verified = sum(verdict.events for verdict in verdicts) / (time.perf_counter() - started)
        exported = {form: await _exported(store, tenants[0], form) for form in MEDIA_TYPES}
    assert all(verdict.valid for verdict in verdicts)
    ratio = paired_ratio
    return [
        row(
            "append-16",
            ratio(rates["one"], rates["raw"]),
            unit="ratio",
            target=0.5,
            better="more",
        ),
        row(
            "append-vs-library",
            ratio(rates["one"], rates["library"]),
            unit="ratio",
            target=4,
            better="more",
        ),
        row(
            "append-batch",
            ratio([BATCH * rate for rate in rates["several"]], rates["raw"]),
            unit="ratio",
            target=2,
            better="more",
        ),
        row("verify", verified, unit="events/s", target=100_000, better="more"),
        row("export", exported["ndjson"], unit="events/s", target=50_000, better="more"),
        row("export-csv", exported["csv"], unit="events/s", target=50_000, better="more"),
        row("appends-per-second", sorted(rates["one"])[ROUNDS // 2], unit="1/s"),
    ]


async def _for_a_round(writers: list[Callable[[], Awaitable[None]]]) -> float:
    """How many calls a second the writers made together."""
    end = time.perf_counter() + ROUND_S
    started = time.perf_counter()

    async def repeat(write: Callable[[], Awaitable[None]]) -> int:
        calls = 0
        while time.perf_counter() < end:
            await write()
            calls += 1
        return calls

    calls = sum(await asyncio.gather(*map(repeat, writers)))
    return calls / (time.perf_counter() - started)


async def _raw(database: Database, tenants: list[OrgId], data: str) -> Contender:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(RAW_TABLE)
    await owner.close()
    connections = [await asyncpg.connect(database.owner_url) for _ in tenants]
    meta = '{"actor":{"id":"key","type":"key"},"requestId":"r","correlationId":"c"}'
    numbers = dict.fromkeys(range(WRITERS), 0)

    def writer(index: int) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            numbers[index] += 1
            arguments = (uuid4(), 1, uuid4(), "job.requested.v1", data, meta, datetime.now(UTC))
            stream, version, event_id, *rest = arguments
            await connections[index].execute(
                RAW_INSERT,
                tenants[index].uuid,
                numbers[index],
                stream,
                version,
                event_id,
                *rest,
                b"0" * 32,
            )

        return write

    writers = [writer(index) for index in range(WRITERS)]
    return lambda: _for_a_round(writers)


def _appends(store: EventStore, tenants: list[OrgId], events: int) -> Contender:
    def writer(org_id: OrgId) -> Callable[[], Awaitable[None]]:
        # Made before the clock starts: an aggregate is the domain's cost, not the append's.
        ready = [
            [requested_job() for _ in range(events)] for _ in range(READY_APPENDS // events + 500)
        ]

        async def write() -> None:
            await store.save(context(org_id), *ready.pop())

        return write

    return lambda: _for_a_round([writer(org_id) for org_id in tenants])


def _library(database: Database, data: str) -> tuple[Contender, Callable[[], None]]:
    query = parse_qs(urlsplit(database.owner_url).query)
    datastore = PostgresDatastore(
        dbname=database.name,
        host=query["host"][0],
        port=5432,
        user="postgres",
        password="",
        pool_size=WRITERS,
        max_overflow=WRITERS,
        max_waiting=WRITERS,
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="library_events")
    recorder.create_table()
    threads = ThreadPoolExecutor(WRITERS)

    def insert() -> None:
        recorder.insert_events([StoredEvent(uuid4(), 1, "job.requested.v1", data.encode())])

    async def write() -> None:
        await asyncio.get_running_loop().run_in_executor(threads, insert)

    def close() -> None:
        threads.shutdown()
        datastore.close()

    return (lambda: _for_a_round([write] * WRITERS)), close


async def _fill(store: EventStore, org_id: OrgId) -> None:
    for _ in range(VERIFIED_EVENTS // 500):
        await store.save(context(org_id), *(requested_job() for _ in range(500)))


async def _exported(store: EventStore, org_id: OrgId, form: Format) -> float:
    """How many events a second are read and written out, as an answer would be."""
    audit = Audit(store, lambda: datetime.now(UTC))
    part = await audit.part(org_id)
    started = time.perf_counter()
    async for _piece in audit.export(part, form):
        pass
    return (part.head.position - part.after) / (time.perf_counter() - started)
