"""What came of a publish, seen by reading its listing: the same for the worker and for a check."""

from contextlib import suppress
from typing import Any

from domain.errors import Conflict
from domain.ids import OrgId
from domain.listing import shows
from domain.publish import Publish
from integrations.channel import CatalogItem
from packshot.commands.listings import shown_images
from packshot.store.events import EventStore


def shows_what_was_wanted(publish: Publish, item: CatalogItem) -> bool:
    """Whether the listing shows what the publish is to bring about."""
    return publish.planned is not None and shows(shown_images(item), publish.planned.wanted)


async def succeed(
    store: EventStore, org_id: OrgId, publish: Publish, item: CatalogItem
) -> list[Publish]:
    """End it as live, and with an undo what it takes back; all that is still to be saved."""
    after = shown_images(item)
    publish.succeed(digest=item.images_digest, after=after, remote=_remote_of(publish, item))
    changed = [publish]
    if publish.wish.undo_of is not None:
        original = await store.load(Publish, org_id=org_id, stream_id=publish.wish.undo_of.uuid)
        with suppress(Conflict):  # another undo was asked for meanwhile, and has that word
            original.roll_back(by=publish.publish_id)
            changed.append(original)
    return changed


async def compare(
    store: EventStore, org_id: OrgId, publish: Publish, item: CatalogItem
) -> list[Publish]:
    """Note in the publish what its listing shows now; what changed is still to be saved."""
    if publish.status == "unknown":
        if shows_what_was_wanted(publish, item):
            return await succeed(store, org_id, publish, item)
        return []
    is_as_left = item.images_digest == publish.digest
    if publish.status == "live" and not is_as_left:
        publish.drift(digest=item.images_digest, found=shown_images(item))
    elif publish.status == "drifted" and is_as_left:
        publish.recover()
    return [publish] if publish.pending_events else []


def _remote_of(publish: Publish, item: CatalogItem) -> dict[str, Any] | None:
    """What the shop made of the output; an undo brings none."""
    wish = publish.wish
    image = next((one for one in item.images if one.sha256 == wish.output_sha256), None)
    if wish.output_sha256 is None or image is None:
        return None
    return {
        "integration_id": str(wish.integration_id),
        "remote_id": image.remote_id,
        "slot": image.slot,
        "url": image.url,
        "sha256": image.sha256,
    }
