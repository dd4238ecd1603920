"""The events of a log that programs are told of, under their public types."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from domain.api_key import ApiKey
from domain.catalog_sync import CatalogSync
from domain.connection import Connection
from domain.ids import OrgId
from domain.job import Job
from domain.publish import Publish
from domain.recorded import Recorded
from packshot.store.events import EventStore, recorded
from packshot.store.positions import position_of

# A look reads no more of the log than this, however rare the types are that are asked for.
STRETCH = 20_000
# The HTTP API's "Webhook and event types", by the topics of the log.
PUBLIC_TYPES: Mapping[str, str] = {
    Job.Queued.TOPIC: "job.queued",
    Job.Started.TOPIC: "job.started",
    Job.Succeeded.TOPIC: "job.succeeded",
    Job.Failed.TOPIC: "job.failed",
    Job.PartlySucceeded.TOPIC: "job.partial",
    Job.Cancelled.TOPIC: "job.cancelled",
    Publish.Planned.TOPIC: "publish.planned",
    Publish.Succeeded.TOPIC: "publish.succeeded",
    Publish.Failed.TOPIC: "publish.failed",
    Publish.RolledBack.TOPIC: "publish.rolled_back",
    Publish.Drifted.TOPIC: "publish.drifted",
    CatalogSync.Synced.TOPIC: "catalog.synced",
    ApiKey.Issued.TOPIC: "key.created",
    ApiKey.Rotated.TOPIC: "key.rotated",
    ApiKey.Revoked.TOPIC: "key.revoked",
    ApiKey.Expiring.TOPIC: "key.expiring",
    Connection.Connected.TOPIC: "integration.connected",
    Connection.Failed.TOPIC: "integration.failing",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Public events in their order; everything up to ``position`` was looked at for them.

    ``has_more`` says that the log goes on after it.
    """

    events: Sequence[Recorded]
    position: int
    has_more: bool


def matching(wanted: str) -> list[str]:
    """The topics of a public type, or of ``noun.*``; none for what is no type."""
    noun, _, participle = wanted.partition(".")
    return [
        topic
        for topic, name in PUBLIC_TYPES.items()
        if wanted == name or (participle == "*" and name.startswith(f"{noun}."))
    ]


@dataclass(frozen=True, slots=True)
class PublicEvents:
    """The query of public events."""

    store: EventStore

    async def after(
        self, org_id: OrgId, position: int, *, topics: Collection[str], limit: int
    ) -> Stretch:
        """At most ``limit`` events of these topics after a position, from one look at the log."""
        async with self.store.pools.reading(org_id) as connection:
            head = await position_of(connection, org_id.uuid, view=None)
            through = min(head, position + STRETCH)
            if through <= position:
                return Stretch((), position, has_more=False)
            rows = await connection.fetch(
                """
                SELECT * FROM es.event
                WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 AND type = ANY($4)
                ORDER BY seq LIMIT $5
                """,
                org_id.uuid,
                position,
                through,
                list(topics),
                limit,
            )
        events = [recorded(row) for row in rows]
        if len(events) == limit:
            through = events[-1].position
        return Stretch(events, through, has_more=through < head)
