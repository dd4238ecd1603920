"""What tests of following views share: following to the end, and what a view then holds."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.ids import OrgId
from given import context, requested_job
from makers import an_output
from packshot.store.events import EventStore
from packshot.store.follow import Follower
from packshot.store.pool import DriverConnection, Pool, open_projector_pool
from packshot.wiring import FOLLOWING_VIEWS
from projections.activity import ActivityView
from services import Database

ACTIVITY = ActivityView()


async def follow_everything(pool: Pool, *, stretch: int = 5000) -> int:
    """Follow every log for every view until nothing is behind; returns how many events it took."""
    follower, applied = Follower(pool, stretch=stretch), 0
    for view in FOLLOWING_VIEWS:
        while behind := await follower.behind(view):
            for tenant_id in behind:
                applied += (await follower.step(view, tenant_id)).applied
    return applied


async def followed(database: Database) -> None:
    """Bring every following view of a database up to its logs."""
    async with open_projector_pool(database.projector_url, size=1) as pool:
        await follow_everything(pool)


async def some_history(store: EventStore, org_id: OrgId, *, jobs: int = 10) -> None:
    """Jobs that were asked for, begun and ended: three events each."""
    for _ in range(jobs):
        job = requested_job()
        job.start()
        job.succeed([an_output()], cached=False)
        await store.save(context(org_id), job)


async def rows_of(owner: DriverConnection, view: str = "activity") -> list[str]:
    """Every row of a view as text, in one order."""
    rows = await owner.fetch(f"SELECT r::text AS row FROM views.{view} r ORDER BY 1")
    return [row["row"] for row in rows]


async def log_of(owner: DriverConnection) -> list[tuple[UUID, int]]:
    """Every event's place: its organization and position."""
    rows = await owner.fetch("SELECT tenant_id, seq FROM es.event ORDER BY 1, 2")
    return [tuple(row) for row in rows]


async def entries_of(owner: DriverConnection) -> list[tuple[UUID, int]]:
    """Every entry's place in the activity view."""
    rows = await owner.fetch("SELECT tenant_id, position FROM views.activity ORDER BY 1, 2")
    return [tuple(row) for row in rows]


async def append_raw(owner: DriverConnection, org_id: OrgId, **columns: Any) -> int:
    """Append an event that no release of ours would, and return its position."""
    fields: dict[str, Any] = {"type": "job.started.v1", "data": "{}", "meta": "{}"} | columns
    position: int = await owner.fetchval(
        """
        WITH head AS (
          UPDATE es.tenant_head SET seq = seq + 1 WHERE tenant_id = $1 RETURNING seq
        )
        INSERT INTO es.event (tenant_id, seq, stream_id, version, event_id, type, data, meta, at,
                              hash)
        SELECT $1, seq, gen_random_uuid(), 1, gen_random_uuid(), $2, $3::json, $4::json, now(), ''
        FROM head RETURNING seq
        """,
        org_id.uuid,
        fields["type"],
        fields["data"],
        fields["meta"],
    )
    return position


async def positions_of(owner: DriverConnection, org_ids: Sequence[OrgId]) -> dict[OrgId, int]:
    """How far the activity view has come for these organizations."""
    rows = await owner.fetch("SELECT tenant_id, position FROM es.position WHERE view = 'activity'")
    held = {OrgId(row["tenant_id"]): row["position"] for row in rows}
    return {org_id: held.get(org_id, 0) for org_id in org_ids}
