"""A client whose names and private targets the test chooses, and a listener nobody may reach."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import pytest

from integration.outbound.servers import Listener, listening
from integrations.http import OutboundClient, OutboundFailed, parse_allowed


class Names:
    """Name servers of a test: each lookup takes the host's next answer, the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.lookups: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.lookups.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise OutboundFailed("unresolved")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def names() -> Names:
    return Names()


OpenClient = Callable[[str], OutboundClient]


@pytest.fixture
async def open_client(names: Names) -> AsyncIterator[OpenClient]:
    """Make clients that use those names and the given list of private targets."""
    async with AsyncExitStack() as stack:

        def open_it(allowed: str = "") -> OutboundClient:
            client = OutboundClient(allowed_private=parse_allowed(allowed), resolve=names)
            stack.push_async_callback(client.close)
            return client

        yield open_it


@pytest.fixture
async def sentinel() -> AsyncIterator[Listener]:
    """A listener on a private address: whoever connects to it has broken in."""
    async with listening() as listener:
        yield listener
        assert listener.connections == 0
