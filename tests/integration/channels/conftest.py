"""What the tests of channels start from: a shop's bridge on loopback, and our side of it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from domain.webhook_secret import WebhookSecret
from integrations.amazon_bridge import AmazonBridge
from integrations.http import OutboundClient, parse_allowed
from shop import Shop, a_shop


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop of three products."""
    with a_shop(products=3) as shop:
        yield shop


OpenBridge = Callable[..., AmazonBridge]


@pytest.fixture
async def open_bridge() -> AsyncIterator[OpenBridge]:
    """Make our side of a bridge at a port of loopback."""
    async with AsyncExitStack() as stack:

        def open_it(port: int, secret: str, *, clock: Callable[[], datetime] = now) -> AmazonBridge:
            client = OutboundClient(allowed_private=parse_allowed("127.0.0.1/32"))
            stack.push_async_callback(client.close)
            url = f"http://127.0.0.1:{port}"
            return AmazonBridge(client, url, secret=WebhookSecret.parse(secret), clock=clock)

        yield open_it


@pytest.fixture
def bridge(open_bridge: OpenBridge, shop: Shop) -> AmazonBridge:
    """Our side of that shop."""
    return open_bridge(shop.port, shop.secret)
