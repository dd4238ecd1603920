"""Fills a log fast, by COPY, with the jobs of a busy organization; its chain holds.

What is filled is what living would have given: events, chain, head, the inline view of jobs and the
position of every following view, brought up by the product's own follower.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
from uuid_utils.compat import uuid7

from domain.ids import OrgId
from follow import followed
from given import context, requested_job
from makers import an_output
from packshot.store.codec import Codec, digest, genesis
from packshot.wiring import AGGREGATES
from services import Database

EVENTS_OF_A_JOB = 3
COLUMNS = ("tenant_id", "seq", "stream_id", "version", "event_id", "type", "data", "meta", "at",
           "hash")  # fmt: skip
JOB_COLUMNS = ("tenant_id", "job_id", "status", "operation", "version")
BEGAN_AT = datetime(2026, 1, 1, tzinfo=UTC)


async def fill(database: Database, org_ids: Sequence[OrgId], *, events: int) -> None:
    """Give each of these new organizations a log of so many events, a multiple of three."""
    owner = await asyncpg.connect(database.owner_url)
    written = list(_a_life())
    for org_id in org_ids:
        filling = _Filling(org_id.uuid, written)
        await owner.copy_records_to_table(
            "event", schema_name="es", columns=COLUMNS, records=filling.events(events)
        )
        await owner.copy_records_to_table(
            "job", schema_name="views", columns=JOB_COLUMNS, records=filling.jobs
        )
        await owner.execute(
            "INSERT INTO es.tenant_head (tenant_id, seq, hash) VALUES ($1, $2, $3)",
            org_id.uuid,
            events,
            filling.tip,
        )
    await followed(database)
    await owner.execute("VACUUM ANALYZE")
    await owner.close()


def _a_life() -> Iterator[tuple[str, str]]:
    """The topics and texts of a job from its request to its end."""
    codec, job = Codec(AGGREGATES), requested_job(sku="MUG")
    job.start()
    job.succeed([an_output()], cached=False)
    for event in job.collect_events():
        yield codec.encode(event)  # type: ignore[arg-type]  # every one is an aggregate's event


class _Filling:
    """The rows of one organization's log, and the tip of their chain."""

    def __init__(self, tenant_id: UUID, written: Sequence[tuple[str, str]]) -> None:
        self.tenant_id = tenant_id
        self.written = written
        self.tip = genesis(tenant_id)
        self.jobs: list[tuple[Any, ...]] = []

    def events(self, count: int) -> Iterator[tuple[Any, ...]]:
        """So many events, each an append of its own."""
        meta = orjson.dumps(context(OrgId(self.tenant_id)).meta, option=orjson.OPT_SORT_KEYS)
        told, stream_id = meta.decode(), uuid4()
        for seq in range(1, count + 1):
            step = (seq - 1) % EVENTS_OF_A_JOB
            if step == 0:
                stream_id = UUID(bytes=uuid7().bytes)
                self.jobs.append((self.tenant_id, stream_id, "succeeded", "process", 3))
            topic, data = self.written[step]
            event_id, at = UUID(bytes=uuid7().bytes), BEGAN_AT + timedelta(seconds=seq)
            stored = (stream_id, step + 1, event_id, topic, data, told, at)
            self.tip = hashlib.sha256(self.tip + digest(self.tenant_id, *stored)).digest()
            yield (self.tenant_id, seq, *stored, self.tip)
