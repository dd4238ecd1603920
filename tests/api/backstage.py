"""The services behind the running API: opened once for all tests of a process, in their own loop.

A browser's loop may run in the thread of a test, so nothing asynchronous can begin there.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from threading import Thread
from typing import Any, TypeVar

from packshot.config import Settings
from packshot.wiring import Services, open_services

WITHIN_S = 120.0

T = TypeVar("T")


class Backstage:
    """Services of one database, without renderers."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        opening = self._stack.enter_async_context(open_services(settings, render=False))
        self._services: Services = self._wait(opening)

    def do(self, work: Callable[[Services], Coroutine[Any, Any, T]]) -> T:
        """What the work comes to, done beside the caller's thread."""
        return self._wait(work(self._services))

    def close(self) -> None:
        """Close the services and end the loop."""
        self._wait(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WITHIN_S)
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)


_OPEN: dict[str, Backstage] = {}


def backstage(settings: Settings) -> Backstage:
    """The one backstage of the database that these settings name."""
    found = _OPEN.get(settings.database_url)
    if found is None:
        found = _OPEN[settings.database_url] = Backstage(settings)
    return found


def close_backstage(settings: Settings) -> None:
    """Close it, if it was ever opened."""
    found = _OPEN.pop(settings.database_url, None)
    if found is not None:
        found.close()
