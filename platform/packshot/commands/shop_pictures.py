"""The pictures of shops, for pages that show them: fetched from the shop once, then kept.

No browser of ours calls a shop, and no address comes from a caller: only a picture that stands in
the organization's own catalog, in one of its publishes or in the listing of today is fetched.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from domain.catalog_sync import item_id_of
from domain.connection import Connection
from domain.errors import InvalidImage, NotFound, Refusal, Unavailable
from domain.ids import IntegrationId, ItemId, OrgId
from domain.publish import Publish
from imaging.formats import HEAD_BYTES, ImageFormat, recognise
from integrations.http import OutboundFailed
from packshot.commands.catalog import Catalog
from packshot.commands.connections import Connections
from packshot.commands.listings import told_as_refusals
from packshot.store.blobs import SHA256, Blobs

PICTURE_MAX_BYTES = 10 * 1024 * 1024  # docs/bridge.md: GET /images answers at most that
FETCH_S = 10.0
AT_ONCE = 8
MOST_OF_ONE = 4  # a shop that answers nothing holds its organization's places for FETCH_S


class Places:
    """The places of fetches in this process; one organization holds half of them at most."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._own: WeakValueDictionary[OrgId, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, org_id: OrgId) -> AsyncIterator[None]:
        """Hold a place for an organization, once one is free; its own share is waited for first."""
        own = self._own.setdefault(org_id, asyncio.Semaphore(MOST_OF_ONE))
        async with own, self._all:
            yield


@dataclass(frozen=True, slots=True)
class ShopPicture:
    """A picture of a shop, as it lies here."""

    path: Path
    format: ImageFormat
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ShopPictures:
    """The query of pictures of shops."""

    blobs: Blobs
    connections: Connections
    catalog: Catalog
    places: Places = field(default_factory=Places)

    async def of_item(self, org_id: OrgId, item_id: ItemId, remote_id: str) -> ShopPicture:
        """The picture of a listing in the catalog, or of that listing as it is today.

        Raises NotFound, and Unavailable (channel_unreachable) where its host does not answer a
        picture.
        """
        listing = await self.catalog.find(org_id, item_id)
        told = _of(listing.images, "remoteId", remote_id)
        if told is None:  # the listing was changed since its last sync
            channel = await self.connections.channel(org_id, listing.integration_id)
            with told_as_refusals():
                item = await channel.get_item(listing.remote_id)
            image = next((one for one in item.images if one.remote_id == remote_id), None)
            told = None if image is None else {"url": image.url, "sha256": image.sha256}
        return await self._picture(org_id, listing.integration_id, told)

    async def of_publish(self, org_id: OrgId, publish: Publish, remote_id: str) -> ShopPicture:
        """A picture that the listing of a publish showed; raises as ``of_item`` does."""
        before = () if publish.planned is None else publish.planned.before
        images = [*before, *publish.after, *(publish.found or ())]
        told = _of(images, "remote_id", remote_id)
        return await self._picture(org_id, publish.wish.integration_id, told)

    def item_id(self, integration_id: IntegrationId, remote_id: str) -> ItemId:
        """The item of the catalog that a listing of a shop is."""
        return item_id_of(integration_id, remote_id)

    async def _picture(
        self, org_id: OrgId, integration_id: IntegrationId, told: Mapping[str, Any] | None
    ) -> ShopPicture:
        if told is None:
            raise no_such_picture()
        known = self._kept(org_id, told.get("sha256"))
        if known is not None:
            return known
        connection = await self.connections.find(org_id, integration_id)
        address = self.connections.shops.address(connection, told["url"])
        if address is None:
            raise no_such_picture()
        async with self.places.of(org_id):
            return await self._fetched(org_id, connection, address, sha256=told.get("sha256"))

    async def _fetched(
        self, org_id: OrgId, connection: Connection, address: str, *, sha256: str | None
    ) -> ShopPicture:
        """The picture, fetched and kept; ``sha256`` is what its bytes must have, where told."""
        path = self.blobs.temporary("shop-picture")
        client = self.connections.shops.client(connection)
        try:
            got = await client.download(
                address, path, max_bytes=PICTURE_MAX_BYTES, deadline_s=FETCH_S
            )
            if sha256 is not None and got.sha256 != sha256:
                raise _unreachable("other bytes than the shop told of")
            await asyncio.to_thread(_format_of, path)
            await self.blobs.keep(org_id, path, sha256=got.sha256)
        except OutboundFailed as failed:
            raise _unreachable(failed.reason) from None
        except InvalidImage:
            raise _unreachable("no picture") from None
        finally:
            self.blobs.discard(path)
        kept = self._kept(org_id, got.sha256)
        if kept is None:
            raise no_such_picture()
        return kept

    def _kept(self, org_id: OrgId, sha256: str | None) -> ShopPicture | None:
        """The picture of these bytes, where the organization has them; by its first bytes."""
        if sha256 is None or not SHA256.fullmatch(sha256) or not self.blobs.holds(org_id, sha256):
            return None
        path = self.blobs.path(org_id, sha256)
        try:
            return ShopPicture(path, _format_of(path), sha256, path.stat().st_size)
        except (InvalidImage, FileNotFoundError):
            return None


def no_such_picture() -> Refusal:
    """The refusal of an id that names no picture of that listing."""
    return NotFound("not_found", "There is no such picture.", fix="Look at the listing again.")


def _of(images: Iterable[Mapping[str, Any]], name: str, remote_id: str) -> Mapping[str, Any] | None:
    return next((image for image in images if image[name] == remote_id), None)


def _format_of(path: Path) -> ImageFormat:
    with path.open("rb") as file:
        return recognise(file.read(HEAD_BYTES))


def _unreachable(reason: str) -> Unavailable:
    return Unavailable(
        "channel_unreachable",
        f"The shop's picture did not come: {reason.replace('_', ' ')}.",
        fix="Look at the shop itself, then open the page again.",
    )
