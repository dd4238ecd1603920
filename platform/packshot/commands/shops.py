"""The way to a shop: from a connection and its sealed credentials to a channel."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from domain.connection import Connection
from domain.errors import Refusal, Unavailable
from domain.ids import OrgId
from domain.webhook_secret import WebhookSecret
from integrations.amazon_bridge import AmazonBridge
from integrations.channel import Channel, Identity
from integrations.channel_errors import ChannelError, refusal_of_channel
from integrations.http import OutboundClient
from packshot.store.vault import SealBroken, Vault


@dataclass(frozen=True, slots=True)
class DemoShop:
    """The demo shop of this installation, and the one client that may reach it."""

    url: str
    secret: str = field(repr=False)
    outbound: OutboundClient


@dataclass(frozen=True, slots=True)
class Shops:
    """Opens channels."""

    vault: Vault
    outbound: OutboundClient
    demo: DemoShop | None
    clock: Callable[[], datetime]

    def of_url(self, url: str, secret: str) -> Channel:
        """The channel of a shop's bridge; raises ValueError for a secret that is none."""
        return AmazonBridge(self.outbound, url, WebhookSecret.parse(secret), self.clock)

    def of_demo(self) -> Channel:
        """The channel of the demo shop; raises Unavailable where the installation has none."""
        demo = self.demo
        if demo is None:
            raise Unavailable(
                "channel_unreachable",
                "This installation has no demo shop.",
                fix="Start Packshot with ./packshot up, or connect a shop of your own.",
            )
        secret = WebhookSecret.parse(demo.secret)
        return AmazonBridge(demo.outbound, demo.url, secret, self.clock)

    async def of(self, org_id: OrgId, connection: Connection) -> Channel:
        """The channel of a connection, with its credentials opened."""
        if connection.url is None:
            return self.of_demo()
        try:
            secret = await self.vault.open(org_id, connection.integration_id)
        except SealBroken as broken:
            raise _sealed() from broken
        if secret is None:
            raise _sealed()
        return self.of_url(connection.url, secret)

    def client(self, connection: Connection) -> OutboundClient:
        """The guarded client that may reach the shop of a connection."""
        demo = self.demo
        return demo.outbound if connection.is_demo and demo is not None else self.outbound

    def address(self, connection: Connection, told: str | None) -> str | None:
        """An address as the shop told it, absolute; None where its shop has no address now."""
        if told is None or not told.startswith("/"):
            return told
        base = connection.url or (None if self.demo is None else self.demo.url)
        return None if base is None else base + told


async def identity_of(channel: Channel) -> Identity:
    """Who answers there; raises the Refusal of what came instead."""
    try:
        return await channel.verify()
    except ChannelError as error:
        raise refusal_of_channel(error) from None


def _sealed() -> Refusal:
    return Refusal(
        "channel_rejected",
        "The connection's credentials cannot be opened.",
        fix="Give the connection its credentials again.",
    )
