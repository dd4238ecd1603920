"""The view of publishes: which there are and how they stand, right at once, for lists and filters.

A publish itself is read from its events; the view says which publishes there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.ids import IntegrationId, OutputId, PublishId
from domain.publish import Publish
from domain.recorded import Happened

if TYPE_CHECKING:
    from projections.projection import Connection

STATUS_OF = {
    Publish.Requested.TOPIC: "queued",
    Publish.Planned.TOPIC: "planned",
    Publish.Started.TOPIC: "uploading",
    Publish.Submitted.TOPIC: "processing",
    Publish.Succeeded.TOPIC: "live",
    Publish.Failed.TOPIC: "failed",
    Publish.Doubted.TOPIC: "unknown",
    Publish.Drifted.TOPIC: "drifted",
    Publish.Recovered.TOPIC: "live",
    Publish.Retried.TOPIC: "queued",
    Publish.RolledBack.TOPIC: "rolled_back",
}


class PublishesView:
    """One row per publish; an append may hold several events of one, and the newest decides."""

    name = "publish"
    topics = frozenset(STATUS_OF)
    statement = """
        INSERT INTO views.publish (tenant_id, publish_id, integration_id, status, sku, output_id,
                                   undo_of, error_code, requested_at, changed_at, version)
        SELECT DISTINCT ON (r.publish_id) head.tenant_id, r.publish_id,
               coalesce(first.integration_id, r.publish_id), r.status, coalesce(first.sku, ''),
               first.output_id, first.undo_of, r.error_code, coalesce(first.at, r.at), r.at,
               r.version
        FROM head, json_to_recordset({rows})
             AS r(publish_id uuid, status text, error_code text, at timestamptz, version int)
        LEFT JOIN json_to_recordset({rows})
             AS first(publish_id uuid, integration_id uuid, sku text, output_id uuid, undo_of uuid,
                      at timestamptz, version int)
             ON first.publish_id = r.publish_id AND first.version = 1
        ORDER BY r.publish_id, r.version DESC
        ON CONFLICT (tenant_id, publish_id)
        DO UPDATE SET status = excluded.status, error_code = excluded.error_code,
                      changed_at = excluded.changed_at, version = excluded.version
        WHERE publish.version < excluded.version
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """What the event says of its publish; what a request named stands in the first one only."""
        data = happened.data
        told = data.get("error") or data.get("reason")
        stays_unknown = data.get("former_status") == "unknown"
        row = {
            "publish_id": happened.stream_id,
            "status": "unknown" if stays_unknown else STATUS_OF[happened.type],
            "error_code": None if told is None else told["code"],
            "at": happened.at,
            "version": happened.version,
        }
        if happened.type == Publish.Requested.TOPIC:
            output_id, undo_of = data["output_id"], data["undo_of"]
            row |= {
                "integration_id": IntegrationId.parse(data["integration_id"]).uuid,
                "sku": data["target"]["sku"] or data["target"]["product_id"],
                "output_id": None if output_id is None else OutputId.parse(output_id).uuid,
                "undo_of": None if undo_of is None else PublishId.parse(undo_of).uuid,
            }
        return [row]


class RemoteMediaView:
    """What each shop called the bytes that it has from us: they are never uploaded twice."""

    name = "remote_media"
    topics = frozenset({Publish.Succeeded.TOPIC})
    statement = """
        INSERT INTO views.remote_media (tenant_id, integration_id, sha256, remote_id)
        SELECT DISTINCT ON (r.integration_id, r.sha256)
               head.tenant_id, r.integration_id, r.sha256, r.remote_id
        FROM head, json_to_recordset({rows})
             AS r(integration_id uuid, sha256 text, remote_id text)
        ON CONFLICT (tenant_id, integration_id, sha256)
        DO UPDATE SET remote_id = excluded.remote_id
    """

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """The picture that the publish brought; an undo brings none."""
        remote = happened.data["remote"]
        if remote is None:
            return []
        return [
            {
                "integration_id": IntegrationId.parse(remote["integration_id"]).uuid,
                "sha256": remote["sha256"],
                "remote_id": remote["remote_id"],
            }
        ]


@dataclass(frozen=True, slots=True)
class PublishFilter:
    """Which publishes are meant; None means any."""

    status: str | None = None
    integration_id: UUID | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is filtered out."""
        return self.status is None and self.integration_id is None


async def list_publishes(
    connection: "Connection",
    *,
    tenant_id: UUID,
    wanted: PublishFilter,
    before: UUID | None,
    limit: int,
) -> list[UUID]:
    """Ids of the organization's publishes, newest first; ``before`` is the last one told."""
    rows = await connection.fetch(
        """
        SELECT publish_id FROM views.publish
        WHERE tenant_id = $1 AND ($2::text IS NULL OR status = $2)
          AND ($3::uuid IS NULL OR integration_id = $3) AND ($4::uuid IS NULL OR publish_id < $4)
        ORDER BY publish_id DESC LIMIT $5
        """,
        tenant_id,
        wanted.status,
        wanted.integration_id,
        before,
        limit,
    )
    return [row["publish_id"] for row in rows]


async def count_publishes(
    connection: "Connection", *, tenant_id: UUID, wanted: PublishFilter, at_most: int | None
) -> int:
    """How many publishes match; counting stops at ``at_most`` (None: never)."""
    counted: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
          SELECT 1 FROM views.publish
          WHERE tenant_id = $1 AND ($2::text IS NULL OR status = $2)
            AND ($3::uuid IS NULL OR integration_id = $3)
          LIMIT $4
        ) matching
        """,
        tenant_id,
        wanted.status,
        wanted.integration_id,
        at_most,
    )
    return counted


async def find_remote_id(
    connection: "Connection", *, tenant_id: UUID, integration_id: UUID, sha256: str
) -> str | None:
    """What the shop called these bytes the last time it was given them; None for new ones."""
    remote_id: str | None = await connection.fetchval(
        """
        SELECT remote_id FROM views.remote_media
        WHERE tenant_id = $1 AND integration_id = $2 AND sha256 = $3
        """,
        tenant_id,
        integration_id,
        sha256,
    )
    return remote_id
