"""Planning a publish: the listing as it is now, and what it takes to show what was asked for.

Nothing is written, neither here nor at the shop: this is the dry run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from domain.errors import InvalidInput, NotFound
from domain.ids import IntegrationId, OrgId
from domain.listing import Image, ListingPlan, Wish, wanted_list
from domain.output import Output
from domain.publish import Publish
from integrations.channel import CatalogItem, Channel, Issue, Plan, RemoteConflict
from packshot.commands.images import Images
from packshot.commands.listings import desired_image, shown_images, stored_plan
from packshot.store.events import EventStore
from projections.publishes import find_remote_id

OpenChannel: TypeAlias = Callable[[OrgId, IntegrationId], Awaitable[Channel]]

# A shop is sent one body, in base64, and reads so much of it (docs/bridge.md: 48 MiB).
PICTURE_MAX_BYTES = 32 * 1024 * 1024
FORGOTTEN = "unknown_remote_id"  # docs/bridge.md, "Issues"


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a publish would do to a listing; ``issues`` is what the shop has against it.

    ``blobs`` are the bytes that the shop does not have yet, by their SHA-256; ``wish`` names those
    of its output.
    """

    wish: Wish
    plan: ListingPlan
    issues: tuple[Issue, ...]
    blobs: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans publishes from the listing as the shop shows it at this moment."""

    store: EventStore
    images: Images

    async def plan(self, org_id: OrgId, wish: Wish, *, channel: Channel) -> DryRun:
        """The plan of a wish; raises NotFound, InvalidInput, and ChannelError.

        RemoteConflict says that the listing is not the one whose plan was approved, or that an
        earlier publish left.
        """
        item = await channel.get_item(wish.target.listing)
        if wish.output_id is None:
            return await self._undo(org_id, wish, channel=channel, item=item)
        refuse_drift(wish, item)
        output = await self.images.find_output(org_id, wish.output_id)
        return await self._plan(org_id, wish, channel=channel, item=item, output=output)

    async def blobs(self, org_id: OrgId, plan: ListingPlan, wish: Wish) -> Mapping[str, bytes]:
        """The bytes that a plan uploads; raises NotFound when they are no longer kept."""
        if all(image["remote_id"] is not None for image in plan.wanted) or wish.output_id is None:
            return {}
        output = await self.images.find_output(org_id, wish.output_id)
        return {output.bytes_sha256: await self._bytes(org_id, output)}

    async def _undo(
        self, org_id: OrgId, wish: Wish, *, channel: Channel, item: CatalogItem
    ) -> DryRun:
        """The exact former pictures, in their order, where the listing is as it was left."""
        assert wish.undo_of is not None
        undone = await self.store.load(Publish, org_id=org_id, stream_id=wish.undo_of.uuid)
        assert undone.planned is not None
        if item.images_digest != undone.digest:
            raise RemoteConflict(
                "The listing was changed since the publish that is to be taken back.",
                fix="Look at the listing, and publish what it is to show.",
                digest=item.images_digest,
            )
        former = [desired_image(image) for image in undone.planned.before]
        plan = await channel.plan(item, former, blobs={})
        return DryRun(wish, stored_plan(item, plan), plan.issues, {})

    async def _plan(
        self, org_id: OrgId, wish: Wish, *, channel: Channel, item: CatalogItem, output: Output
    ) -> DryRun:
        wish = replace(wish, output_sha256=output.bytes_sha256)
        remote_id = await self._remote_id(org_id, wish, item=item, output=output)
        image = _image_of(output, item, remote_id)
        if remote_id is not None:
            plan = await _asked(channel, item, wish, image=image, blobs={})
            if FORGOTTEN not in {issue.code for issue in plan.issues}:
                return DryRun(wish, stored_plan(item, plan), plan.issues, {})
            image = _image_of(output, item, None)
        blobs = {output.bytes_sha256: await self._bytes(org_id, output)}
        plan = await _asked(channel, item, wish, image=image, blobs=blobs)
        return DryRun(wish, stored_plan(item, plan), plan.issues, blobs)

    async def _remote_id(
        self, org_id: OrgId, wish: Wish, *, item: CatalogItem, output: Output
    ) -> str | None:
        """What the shop calls these bytes, if it has them: they are not uploaded twice."""
        for image in item.images:
            if image.sha256 == output.bytes_sha256:
                return image.remote_id
        async with self.store.pools.reading(org_id) as connection:
            return await find_remote_id(
                connection,
                tenant_id=org_id.uuid,
                integration_id=wish.integration_id.uuid,
                sha256=output.bytes_sha256,
            )

    async def _bytes(self, org_id: OrgId, output: Output) -> bytes:
        if output.size_bytes > PICTURE_MAX_BYTES:
            raise InvalidInput(
                "file_too_large",
                f"The picture has {output.size_bytes} bytes; a shop takes at most "
                f"{PICTURE_MAX_BYTES}.",
                param="outputId",
                fix="Make it again with a lower quality, or as a JPEG.",
            )
        path = self.images.content_path(org_id, output)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            raise NotFound(
                "not_found",
                "The bytes of this output are no longer kept.",
                param="outputId",
                fix="Make the picture again, and publish the new output.",
            ) from None


async def _asked(
    channel: Channel, item: CatalogItem, wish: Wish, *, image: Image, blobs: Mapping[str, bytes]
) -> Plan:
    """The shop's plan of the listing with the image in its place."""
    before = shown_images(item)
    wanted = wanted_list(before, image, target=wish.target, mode=wish.mode)
    return await channel.plan(item, [desired_image(one) for one in wanted], blobs=blobs)


def refuse_drift(wish: Wish, item: CatalogItem) -> None:
    """Raise RemoteConflict when the listing is not the one whose plan was approved."""
    if wish.base_digest is not None and wish.base_digest != item.images_digest:
        raise drifted(item)


def drifted(item: CatalogItem) -> RemoteConflict:
    """What is to be said of a listing that is not as it was planned for."""
    return RemoteConflict(
        "The listing was changed since it was planned for.",
        fix="Make a new plan with dryRun=true, and publish with its baseDigest.",
        digest=item.images_digest,
    )


def _image_of(output: Output, item: CatalogItem, remote_id: str | None) -> dict[str, Any]:
    known = next((one for one in item.images if one.remote_id == remote_id), None)
    return {
        "remote_id": remote_id,
        "slot": "main",
        "alt": item.title if known is None else known.alt,
        "sha256": output.bytes_sha256,
        "media_type": f"image/{output.format}",
        "width": output.width_px,
        "height": output.height_px,
        "size": output.size_bytes,
    }
