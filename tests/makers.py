"""Valid things, so that a test states only what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.catalog_sync import CatalogSync, item_id_of
from domain.connection import Connection
from domain.ids import IntegrationId, JobId, OutputId, PublishId, SyncId
from domain.listing import Image, ListingPlan, Target, Wish
from domain.output import Output
from domain.publish import Publish
from domain.recorded import Actor


def an_output(**wish: Any) -> Output:
    """A finished picture of 2000 by 2000 pixels."""
    output = Output(
        output_id=OutputId.new(),
        job_id=JobId.new(),
        format="jpeg",
        width_px=2000,
        height_px=2000,
        size_bytes=400_000,
        bytes_sha256="a" * 64,
        pixel_sha256="b" * 64,
        recipe_hash="c" * 64,
        recipe={"width": 2000},
        engine={"libvips": "8.18.7", "pyvips": "3.2.0", "arch": "x86_64"},
        source={"format": "jpeg", "width": 4000, "height": 3000, "sha256": "d" * 64, "bytes": 9},
        plan={},
        subject=None,
        warnings=[],
        generated=False,
        preset_label=None,
        sku=None,
        client_ref=None,
        created_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
    )
    return replace(output, **wish)


def a_live_publish(**wish: Any) -> Publish:
    """A publish that brought a picture to the main place of a listing."""
    fields: dict[str, Any] = {"output_id": OutputId.new(), "output_sha256": "2" * 64} | wish
    asked = Wish(IntegrationId.new(), Target("MUG"), **fields)
    publish = Publish.request(PublishId.new(), asked, job_id=JobId.new())
    before: Image = {"remote_id": "img_1", "slot": "main", "sha256": "1" * 64, "alt": ""}
    after: Image = {"remote_id": "img_2", "slot": "main", "sha256": "2" * 64, "alt": ""}
    step = {"op": "upload", "slot": "main", "before": before, "after": {**after, "remote_id": None}}
    item = {"remote_id": "MUG", "sku": "MUG", "title": "A mug", "url": None}
    publish.plan(ListingPlan(item, "d1", [before], [step]))
    publish.start()
    publish.submit({"submission_id": "s1"}, pending=False)
    remote = {"integration_id": str(asked.integration_id), "sha256": "2" * 64, "remote_id": "img_2"}
    publish.succeed(digest="d2", after=[after], remote=remote)
    return publish


def a_connection(**wish: Any) -> Connection:
    """A connection to a bridge that was just made."""
    fields: dict[str, Any] = {
        "kind": "amazon-bridge",
        "name": "Our shop",
        "settings": {"url": "https://shop.example"},
        "account": "Acme",
        "fingerprint": "0011223344556677",
        "hint": "abcd",
        "given_by": Actor("user", "usr_ada"),
    }
    return Connection.connect(IntegrationId.new(), **(fields | wish))


def a_synced_catalog(connection: Connection, *skus: str) -> CatalogSync:
    """A sync of that connection that has read listings of these SKUs."""
    integration_id = connection.integration_id
    sync = CatalogSync.start(SyncId.new(), integration_id=integration_id)
    items = [
        {
            "item_id": str(item_id_of(integration_id, sku).uuid),
            "integration_id": str(integration_id.uuid),
            "remote_id": sku,
            "sku": sku,
            "title": f"Product {sku}",
            "url": None,
            "images": [],
            "digest": "d",
            "updated_at": None,
        }
        for sku in skus
    ]
    sync.fetch(cursor=None, items=items, seen=len(items))
    sync.finish(items=len(items))
    return sync
