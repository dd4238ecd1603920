"""A unit of work: several statements that become true together, or not at all.

An append is one statement and needs no unit. A unit is for what must hold together with it: a
queue's row, an answer kept for an idempotent repeat. It holds the organization's head row from its
first append to its commit, so nothing slow belongs between the two.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from types import TracebackType
from typing import Self

from packshot.store.pool import DriverConnection, Pools


class Unit:
    """One transaction of the role that appends, begun when its connection is first asked for."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._stack = AsyncExitStack()
        self._connection: DriverConnection | None = None
        self._afterwards: list[Callable[[], None]] = []
        self._otherwise: list[Callable[[], None]] = []
        self._is_over = False

    async def connection(self) -> DriverConnection:
        """The connection inside the transaction; raises RuntimeError once the unit is over."""
        if self._is_over:
            raise RuntimeError("this unit of work has ended")
        if self._connection is None:
            self._connection = await self._stack.enter_async_context(self._pools.writing())
            await self._stack.enter_async_context(self._connection.transaction())
        return self._connection

    def afterwards(
        self, callback: Callable[[], None], *, otherwise: Callable[[], None] | None = None
    ) -> None:
        """Call this once everything is committed, and ``otherwise`` when it is not."""
        self._afterwards.append(callback)
        if otherwise is not None:
            self._otherwise.append(otherwise)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over = True
        told = self._otherwise
        try:
            await self._stack.__aexit__(kind, error, trace)
            if error is None:
                told = self._afterwards
        finally:
            for callback in told:
                callback()


CURRENT: ContextVar[Unit | None] = ContextVar("packshot_unit", default=None)
