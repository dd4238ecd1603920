"""What the installation says has happened: its log, its queue, its views, its files."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from domain.ids import EventId, JobId, OrgId

ENDS = {"job.succeeded.v1", "job.partly-succeeded.v1", "job.failed.v1", "job.cancelled.v1"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a log."""

    org_id: str
    position: int
    stream_id: str
    version: int
    event_id: str
    type: str
    data: Mapping[str, Any]

    @property
    def is_end(self) -> bool:
        """Whether it ends a job."""
        return self.type in ENDS


@dataclass(slots=True)
class History:
    """Everything that a log of a client is held against.

    ``queue`` and ``views`` are states by job; ``activity`` is the feed's organizations, positions
    and event ids; ``deliveries`` are states of webhooks by event id; ``bad_files`` outputs whose
    bytes are missing or others.
    """

    events: Sequence[Happening] = ()
    queue: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    activity: set[tuple[str, int, str]] = field(default_factory=set)
    deliveries: Mapping[str, str] = field(default_factory=dict)
    bad_files: Sequence[str] = ()

    @property
    def jobs(self) -> dict[str, list[Happening]]:
        """The events of each job, in their order, by its id."""
        streams: dict[str, list[Happening]] = {}
        for happening in self.events:
            if happening.type.startswith("job."):
                streams.setdefault(happening.stream_id, []).append(happening)
        return streams


async def read_history(database_url: str, data: Path) -> History:
    """Read it as the owner, who sees every organization."""
    connection = await asyncpg.connect(database_url)
    try:
        events = [_happening(row) for row in await connection.fetch(
            "SELECT * FROM es.event ORDER BY tenant_id, seq"
        )]  # fmt: skip
        queue = await connection.fetch("SELECT job_id, state FROM work.job")
        views = await connection.fetch("SELECT job_id, status, version FROM views.job")
        feed = await connection.fetch("SELECT tenant_id, position, event_id FROM views.activity")
        deliveries = await connection.fetch("SELECT event_id, state FROM work.delivery")
    finally:
        await connection.close()
    return History(
        events=events,
        queue={str(JobId(row["job_id"])): row["state"] for row in queue},
        views={str(JobId(row["job_id"])): (row["status"], row["version"]) for row in views},
        activity={
            (str(OrgId(row["tenant_id"])), row["position"], str(EventId(row["event_id"])))
            for row in feed
        },
        deliveries={str(EventId(row["event_id"])): row["state"] for row in deliveries},
        bad_files=list(_bad_files(events, data)),
    )


async def is_settled(database_url: str, *, taken: Iterable[str]) -> bool:
    """Whether nothing is left to do: no job, no webhook that is due within a minute, no lag.

    A webhook that was ``taken`` already is not waited for: what is left of it is its sender's note.
    """
    connection = await asyncpg.connect(database_url)
    try:
        left = await connection.fetchval(
            """
            SELECT (SELECT count(*) FROM work.job WHERE state <> 'ended')
                 + (SELECT count(*) FROM work.delivery
                    WHERE event_id <> ALL($1)
                      AND (state IN ('waiting', 'sending')
                           OR state = 'scheduled' AND due_at < now() + interval '1 minute'))
                 + (SELECT count(*) FROM es.tenant_head h
                    LEFT JOIN es.position p USING (tenant_id)
                    WHERE h.seq > coalesce(p.position, 0))
            """,
            [EventId.parse(event_id).uuid for event_id in taken],
        )
    finally:
        await connection.close()
    return left == 0


def _happening(row: asyncpg.Record) -> Happening:
    is_job = row["type"].startswith("job.")
    return Happening(
        org_id=str(OrgId(row["tenant_id"])),
        position=row["seq"],
        stream_id=str(JobId(row["stream_id"])) if is_job else str(row["stream_id"]),
        version=row["version"],
        event_id=str(EventId(row["event_id"])),
        type=row["type"],
        data=orjson.loads(row["data"]),
    )


def _bad_files(events: Sequence[Happening], data: Path) -> Sequence[str]:
    """Outputs that events name and whose bytes are not what was promised."""
    bad = []
    for happening in events:
        for output in happening.data.get("outputs", ()):
            sha256 = output["bytes_sha256"]
            path = data / "blobs" / happening.org_id / sha256[:2] / sha256
            if not path.is_file():
                bad.append(f"{output['output_id']}: no file")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                bad.append(f"{output['output_id']}: other bytes")
    return bad
