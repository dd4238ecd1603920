"""Connections to shops as callers know them: made, listed, tested, renamed, rotated, ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from uuid import UUID

from domain.connection import NAME_MAX_CHARACTERS, Connection
from domain.errors import Conflict, InvalidInput, NotFound, Refusal
from domain.ids import IntegrationId, OrgId
from domain.recorded import Context
from integrations.channel import Channel, Identity
from integrations.urls import parse_url
from packshot.commands.shops import Shops, identity_of
from packshot.store import catalog_ledger, vault
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.vault import Sealed, hint_of
from projections.connections import Synced, count_connections, last_synced, list_connections

DEMO_PLACE = "demo"
UNNAMED = "Shop"


@dataclass(frozen=True, slots=True)
class Linked:
    """A connection after a command, and the head of the log that says so (None: nothing to say)."""

    connection: Connection
    head: LogHead | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Connections of one page, how many there are in all, and their last whole syncs by id."""

    connections: list[Connection]
    total: int
    synced: dict[UUID, Synced]


@dataclass(frozen=True, slots=True)
class Connections:
    """The use cases of connections."""

    store: EventStore
    shops: Shops

    async def connect(
        self, context: Context, *, kind: str, name: str | None, url: str, secret: str
    ) -> Linked:
        """Connect to a shop that answers to these credentials; nothing is kept of one that doesn't.

        Raises InvalidInput (url_not_allowed), Refusal (channel_rejected), Unavailable
        (channel_unreachable) and Conflict (already_connected).
        """
        await self.shops.outbound.check(url, param="settings.url")
        identity = await identity_of(self.shops.of_url(url, secret))
        org_id, integration_id = context.org_id, IntegrationId.new()
        connection = Connection.connect(
            integration_id,
            kind=kind,
            name=name or _name_of(identity),
            settings={"url": url},
            account=identity.account_id,
            fingerprint=self.shops.vault.fingerprint(org_id, secret),
            hint=hint_of(secret),
            given_by=context.actor,
        )
        sealed = await self.shops.vault.seal(org_id, integration_id, version=1, secret=secret)
        return await self._save_new(
            context, connection, place=f"{kind}|{_place_of(url)}", sealed=sealed
        )

    async def connect_demo(self, context: Context, *, kind: str, name: str | None) -> Linked:
        """Connect to the demo shop of this installation, of which neither is kept."""
        identity = await identity_of(self.shops.of_demo())
        connection = Connection.connect(
            IntegrationId.new(),
            kind=kind,
            name=name or _name_of(identity),
            settings={"demo": True},
            account=identity.account_id,
            fingerprint=None,
            hint=None,
            given_by=context.actor,
        )
        return await self._save_new(context, connection, place=DEMO_PLACE, sealed=None)

    async def find(self, org_id: OrgId, integration_id: IntegrationId) -> Connection:
        """The connection; raises NotFound for one that is over or another organization's."""
        try:
            connection = await self.store.load(
                Connection, org_id=org_id, stream_id=integration_id.uuid
            )
        except NotFound:
            raise no_such_integration() from None
        if connection.status == "disconnected":
            raise no_such_integration()
        return connection

    async def list(self, org_id: OrgId, *, after: UUID | None, limit: int) -> Listed:
        """The organization's connections, oldest first."""
        async with self.store.pools.reading(org_id) as database:
            ids = await list_connections(database, tenant_id=org_id.uuid, after=after, limit=limit)
            total = await count_connections(database, tenant_id=org_id.uuid)
            synced = await last_synced(database, tenant_id=org_id.uuid, integration_ids=ids)
        found = await self.store.load_many(Connection, org_id=org_id, stream_ids=ids)
        return Listed(found, total, synced)

    async def synced(self, org_id: OrgId, connections: Sequence[Connection]) -> dict[UUID, Synced]:
        """The last whole sync of each of these, by id."""
        ids = [connection.id for connection in connections]
        async with self.store.pools.reading(org_id) as database:
            return await last_synced(database, tenant_id=org_id.uuid, integration_ids=ids)

    async def channel(self, org_id: OrgId, integration_id: IntegrationId) -> Channel:
        """The way to the shop of a connection; raises NotFound, also for one that is over."""
        return await self.shops.of(org_id, await self.find(org_id, integration_id))

    async def test(self, context: Context, integration_id: IntegrationId) -> Linked:
        """Ask the shop who it is, and record when that is news; a failure is an answer too."""
        connection = await self.find(context.org_id, integration_id)
        try:
            await identity_of(await self.shops.of(context.org_id, connection))
        except Refusal as refusal:
            return await self.note(context, integration_id, refusal)
        return await self.note(context, integration_id, None)

    async def note(
        self, context: Context, integration_id: IntegrationId, refusal: Refusal | None
    ) -> Linked:
        """Record that the shop fails for a reason, or that it answers; only what is news."""

        def note(connection: Connection) -> None:
            if refusal is None:
                connection.recover()
            else:
                connection.fail(refusal)

        return await self._change(context, integration_id, note)

    async def rename(self, context: Context, integration_id: IntegrationId, name: str) -> Linked:
        """Call a connection otherwise."""
        return await self._change(context, integration_id, lambda c: c.rename(name))

    async def rotate(
        self, context: Context, integration_id: IntegrationId, *, secret: str
    ) -> Linked:
        """Seal new credentials that the shop accepts; the old ones are gone with that.

        Raises InvalidInput for the demo shop, and what ``connect`` raises.
        """
        org_id = context.org_id
        known = await self.find(org_id, integration_id)
        if known.url is None:
            raise no_credentials()
        identity = await identity_of(self.shops.of_url(known.url, secret))
        version = known.credentials_version + 1
        sealed = await self.shops.vault.seal(org_id, integration_id, version=version, secret=secret)
        known.rotate_credentials(
            account=identity.account_id,
            fingerprint=self.shops.vault.fingerprint(org_id, secret),
            hint=hint_of(secret),
            given_by=context.actor,
        )
        async with self.store.together() as unit:
            await vault.replace(await unit.connection(), org_id, integration_id, sealed=sealed)
            head = await self.store.save(context, known)
        return Linked(known, head)

    async def disconnect(self, context: Context, integration_id: IntegrationId) -> Linked:
        """End a connection and destroy its credentials; its listings leave the catalog."""
        async with self.store.together() as unit:
            database = await unit.connection()
            await vault.destroy(database, context.org_id, integration_id)
            await catalog_ledger.forget(database, context.org_id, integration_id)
            return await self._change(context, integration_id, Connection.disconnect)

    async def _save_new(
        self, context: Context, connection: Connection, *, place: str, sealed: Sealed | None
    ) -> Linked:
        async with self.store.together() as unit:
            is_kept = await vault.put(
                await unit.connection(),
                context.org_id,
                connection.integration_id,
                place=place,
                sealed=sealed,
            )
            if not is_kept:
                raise Conflict(
                    "already_connected",
                    "This shop is connected already.",
                    fix="Use the connection that there is, or give it new credentials.",
                )
            return Linked(connection, await self.store.save(context, connection))

    async def _change(
        self,
        context: Context,
        integration_id: IntegrationId,
        verb: Callable[[Connection], None],
    ) -> Linked:
        """Do the verb on the connection of now, and save what it had to say, if anything."""
        await self.find(context.org_id, integration_id)
        changed: list[Connection] = []

        def change(connection: Connection) -> None:
            verb(connection)
            changed.append(connection)
            if not connection.pending_events:  # perhaps because somebody else was quicker
                raise _NothingNew

        try:
            head = await self.store.change(
                context, Connection, stream_id=integration_id.uuid, verb=change
            )
        except _NothingNew:
            return Linked(changed[-1], None)
        return Linked(changed[-1], head)


class _NothingNew(Exception):
    """The connection is as it was to become already."""


def _place_of(url: str) -> str:
    """A shop's address in the one spelling of all that lead there; a checked URL is asked for."""
    target = parse_url(url)
    address = target.address
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        target = replace(target, host=str(address.ipv4_mapped))
    return f"{target.scheme}://{target.authority}{target.path.rstrip('/')}"


def _name_of(identity: Identity) -> str:
    """What the shop calls itself, as far as it can be a name: nobody has typed it."""
    shown = "".join(one if one.isprintable() else " " for one in identity.account_id)
    return shown.strip()[:NAME_MAX_CHARACTERS].strip() or UNNAMED


def no_such_integration() -> NotFound:
    """The refusal of an id that names no living connection of the caller's organization."""
    return NotFound("not_found", "There is no such integration.", fix="Check the integrationId.")


def no_credentials() -> InvalidInput:
    """The refusal of credentials for the demo shop."""
    return InvalidInput(
        "invalid_parameter",
        "The demo shop has no credentials of its own.",
        param="credentials.secret",
        fix="Connect a shop of your own.",
    )
