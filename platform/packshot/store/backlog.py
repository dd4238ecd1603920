"""The organizations whose logs have grown: each waits once, and is worked on once at a time."""

import asyncio
from uuid import UUID


class Backlog:
    """First come, first served; whoever is marked while being worked on comes again.

    Iterate it to take the next organization, and say ``done`` afterwards; several may iterate.
    """

    def __init__(self) -> None:
        self._line: asyncio.Queue[UUID | None] = asyncio.Queue()
        self._waiting: set[UUID] = set()
        self._under_way: set[UUID] = set()
        self._again: set[UUID] = set()
        self._is_closed = False

    def mark(self, tenant_id: UUID) -> None:
        """Put an organization in the line, unless it stands there."""
        if tenant_id in self._under_way:
            self._again.add(tenant_id)
        elif tenant_id not in self._waiting and not self._is_closed:
            self._waiting.add(tenant_id)
            self._line.put_nowait(tenant_id)

    def done(self, tenant_id: UUID, *, again: bool) -> None:
        """Let others have the organization; ``again``: put it at the end of the line."""
        self._under_way.discard(tenant_id)
        if again or tenant_id in self._again:
            self._again.discard(tenant_id)
            self.mark(tenant_id)

    def close(self) -> None:
        """End every iteration once what was taken is done."""
        self._is_closed = True
        self._line.put_nowait(None)

    def __aiter__(self) -> "Backlog":
        return self

    async def __anext__(self) -> UUID:
        tenant_id = await self._line.get()
        if tenant_id is None or self._is_closed:
            self._line.put_nowait(None)  # for the next one who asks
            raise StopAsyncIteration
        self._waiting.discard(tenant_id)
        self._under_way.add(tenant_id)
        return tenant_id
