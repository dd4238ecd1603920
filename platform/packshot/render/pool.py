"""The pool of render children: as many pictures at once as there are processors, each killable.

A time limit inside a process cannot stop libvips; killing the process can. So every render runs in
a child that may be killed at any moment without harm: it writes to a temporary file, and only the
parent moves that into the blob store.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from domain.errors import InvalidImage, Refusal, Unavailable
from imaging.facts import Facts
from imaging.limits import Limits
from imaging.operations import AnyRecipe
from imaging.rendered import Rendered
from packshot.render.answers import Garbled, read_answer, read_facts
from packshot.render.process import Child, ChildDied
from packshot.render.refusals import crowded, no_renderer, stopped_twice, timed_out

RENDERS_PER_CHILD = 200  # then it is replaced, so that what a library leaks is given back
WAITING_PER_CHILD = 32
WALL_SECONDS = 30.0
WAIT_SECONDS = 20.0

AnswerT = TypeVar("AnswerT")

log = structlog.get_logger()


class RenderPool:
    """Children that wait for work, and a bounded queue before them."""

    def __init__(
        self,
        size: int,
        *,
        limits: Limits | None = None,
        wall_s: float = WALL_SECONDS,
        wait_s: float | None = WAIT_SECONDS,
    ) -> None:
        """Take ``size`` children (0: one a processor) and the patience of those who wait for one.

        ``wall_s`` bounds a render, ``wait_s`` the time before it; None waits as long as it takes.
        """
        self.size = size or len(os.sched_getaffinity(0))
        self.limits = limits or Limits()
        self.wall_s = wall_s
        self.wait_s = wait_s
        self.children: set[Child] = set()
        self._slots = asyncio.Semaphore(self.size)
        self._idle: list[Child] = []
        self._watchers: set[asyncio.Task[None]] = set()
        self._inside = 0
        self._is_stopped = False
        self._engine: Mapping[str, str] | None = None

    async def start(self) -> None:
        """Start every child, so that the first picture does not wait for one.

        Raises Unavailable when one cannot be started; ``stop`` ends those that could.
        """
        started = await asyncio.gather(
            *(self._spawn() for _ in range(self.size)), return_exceptions=True
        )
        for failure in started:
            if isinstance(failure, BaseException):
                raise failure
        self._idle.extend(self.children)

    async def stop(self) -> None:
        """Kill every child, also one in the middle of a render; none is started afterwards."""
        self._is_stopped = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*(child.kill() for child in list(self.children)))
        self.children.clear()
        self._idle.clear()

    @property
    def engine(self) -> Mapping[str, str]:
        """The versions that decide pixels, as the children report them."""
        if self._engine is None:
            raise RuntimeError("the pool was not started")
        return self._engine

    async def render(
        self, source: Path, recipe: AnyRecipe, *, destination: Path, limits: Limits | None = None
    ) -> Rendered:
        """Render a picture file to ``destination``; ``limits`` stand in for the pool's own.

        Raises the Refusal of the imaging room for a picture that cannot be used, and Unavailable
        when too many wait, no child can be started, or the render takes longer than ``wall_s``. A
        child that somebody else killed is not the picture's fault: the render is tried once more.
        """
        request = {
            "source": str(source),
            "operation": recipe.operation,
            "recipe": recipe.to_dict(),
            "destination": str(destination),
            "limits": asdict(limits or self.limits),
        }
        return await self._done(request, partial(read_answer, destination=destination))

    async def measure(self, source: Path, *, limits: Limits | None = None) -> Facts:
        """Measure the facts of a picture file, as large a one as is accepted anywhere.

        ``limits`` are other ones than the pool's. Raises as ``render`` does.
        """
        allowed = asdict(limits or replace(self.limits, pixels_here=None))
        return await self._done({"source": str(source), "limits": allowed}, read_facts)

    async def _done(
        self, request: Mapping[str, Any], read: Callable[[bytes], AnswerT | InvalidImage]
    ) -> AnswerT:
        async with self._a_place():
            answer = await self._answer(request, read)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def _answer(
        self, request: Mapping[str, Any], read: Callable[[bytes], AnswerT | InvalidImage]
    ) -> AnswerT | InvalidImage:
        try:
            return await self._ask(await self._take(), request, read=read)
        except (ChildDied, Garbled) as failure:
            self._judge(failure, again=True)
        try:  # by a new child: another idle one may be as dead as the first without knowing it
            return await self._ask(await self._spawn(), request, read=read)
        except (ChildDied, Garbled) as failure:
            self._judge(failure, again=False)
            return stopped_twice()

    def _judge(self, failure: ChildDied | Garbled, *, again: bool) -> None:
        """Log the failure; the picture that used up its processor time has had its try."""
        log.warning("render_child_failed", reason=str(failure), again=again)
        if isinstance(failure, ChildDied) and failure.signal == signal.SIGXCPU:
            raise timed_out(self.wall_s) from None

    async def _ask(
        self,
        child: Child,
        request: Mapping[str, Any],
        *,
        read: Callable[[bytes], AnswerT | InvalidImage],
    ) -> AnswerT | InvalidImage:
        try:
            line = await asyncio.wait_for(child.ask(request), self.wall_s)
            answer = read(line)
        except TimeoutError:
            await self._lose(child)
            raise timed_out(self.wall_s) from None
        except BaseException:
            await self._lose(child)
            raise
        await self._give_back(child)
        return answer

    @asynccontextmanager
    async def _a_place(self) -> AsyncIterator[None]:
        if self._inside >= self.size * (1 + WAITING_PER_CHILD):
            raise crowded()
        self._inside += 1
        try:
            await self._a_slot()
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._inside -= 1

    async def _a_slot(self) -> None:
        """Wait for a processor; raises Unavailable when none is free for ``wait_s``."""
        try:
            async with asyncio.timeout(self.wait_s):
                await self._slots.acquire()
        except TimeoutError:
            raise crowded() from None

    async def _take(self) -> Child:
        """A child that lives; a dead one is never handed out, and left to its watcher."""
        for child in reversed(self._idle):
            if child.is_alive:
                self._idle.remove(child)
                return child
        return await self._spawn()

    async def _spawn(self) -> Child:
        """A new child; raises Unavailable when it cannot be started."""
        try:
            child = await Child.start()
        except (ChildDied, Garbled, OSError, TimeoutError) as failure:
            log.warning("render_child_not_started", reason=repr(failure))
            raise no_renderer() from failure
        if self._is_stopped:  # while the child was starting
            await child.kill()
            raise no_renderer()
        self.children.add(child)
        self._engine = child.engine
        watcher = asyncio.create_task(self._replace_when_it_dies_idle(child))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return child

    async def _replace_when_it_dies_idle(self, child: Child) -> None:
        returncode = await child.process.wait()
        if child in self._idle:
            self._idle.remove(child)
            self.children.discard(child)
            log.warning("idle_render_child_died", returncode=returncode)
            with suppress(Unavailable):  # it is in the log; the next picture tries again
                await self._give_back(await self._spawn())

    async def _give_back(self, child: Child) -> None:
        """Keep a child for the next picture, unless it did its share or others took its place."""
        if child.renders < RENDERS_PER_CHILD and len(self.children) <= self.size:
            self._idle.append(child)
        else:
            await self._lose(child)

    async def _lose(self, child: Child) -> None:
        self.children.discard(child)
        await child.kill()
