"""The pool of render children: as many pictures at once as there are processors, each killable.

A time limit inside a process cannot stop libvips; killing the process can. So every render runs in
a child that may be killed at any moment without harm: it writes to a temporary file, and only the
parent moves that into the blob store.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from domain.errors import InvalidImage, Refusal, Unavailable
from imaging.limits import Limits
from imaging.recipe import Recipe
from imaging.rendered import Rendered
from packshot.render.process import Child, ChildDied

RENDERS_PER_CHILD = 200  # then it is replaced, so that what a library leaks is given back
WAITING_PER_CHILD = 32
WALL_SECONDS = 30.0

log = structlog.get_logger()


class RenderPool:
    """Children that wait for work, and a bounded queue before them."""

    def __init__(
        self, size: int, *, limits: Limits | None = None, wall_s: float = WALL_SECONDS
    ) -> None:
        self.size = size or len(os.sched_getaffinity(0))
        self.limits = limits or Limits()
        self.wall_s = wall_s
        self.children: set[Child] = set()
        self._slots = asyncio.Semaphore(self.size)
        self._idle: list[Child] = []
        self._watchers: set[asyncio.Task[None]] = set()
        self._inside = 0
        self._engine: Mapping[str, str] | None = None

    async def start(self) -> None:
        """Start every child, so that the first picture does not wait for one."""
        for child in await asyncio.gather(*(self._spawn() for _ in range(self.size))):
            self._idle.append(child)

    async def stop(self) -> None:
        """Kill every child, also one in the middle of a render."""
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

    async def render(self, source: Path, recipe: Recipe, *, destination: Path) -> Rendered:
        """Render a picture file to ``destination``.

        Raises the Refusal of the imaging room for a picture that cannot be used, and Unavailable
        when too many wait or the render takes longer than ``wall_s``. A child that somebody
        else killed is not the picture's fault: the render is tried once more.
        """
        request = {
            "source": str(source),
            "recipe": recipe.to_dict(),
            "destination": str(destination),
            "limits": asdict(self.limits),
        }
        async with self._a_place():
            try:
                answer = await self._ask(request)
            except ChildDied as death:
                log.warning("render_child_died", signal=death.signal, again=True)
                answer = await self._ask_again(request)
        if "refusal" in answer:
            raise refusal_of(answer["refusal"])
        return Rendered.from_dict(answer["rendered"])

    async def _ask_again(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return await self._ask(request)
        except ChildDied as death:
            log.warning("render_child_died", signal=death.signal, again=False)
            if death.signal == signal.SIGXCPU:
                raise timed_out(self.wall_s) from None
            raise InvalidImage(
                "malformed_image",
                "The picture stopped the renderer twice.",
                param="image",
                fix="Open the picture in an editor and save it anew.",
            ) from None

    async def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        child = await self._take()
        try:
            answer = await asyncio.wait_for(child.ask(request), self.wall_s)
        except TimeoutError:
            await self._lose(child)
            raise timed_out(self.wall_s) from None
        except BaseException:
            await self._lose(child)
            raise
        if child.renders < RENDERS_PER_CHILD:
            self._idle.append(child)
        else:
            await self._lose(child)
        return answer

    @asynccontextmanager
    async def _a_place(self) -> AsyncIterator[None]:
        if self._inside >= self.size * (1 + WAITING_PER_CHILD):
            raise Unavailable(
                "overloaded",
                "Too many pictures are waiting to be rendered.",
                fix="Send the same request again after the time in Retry-After.",
                headers={"retry-after": "2"},
            )
        self._inside += 1
        try:
            async with self._slots:
                yield
        finally:
            self._inside -= 1

    async def _take(self) -> Child:
        """A child that lives; a dead one is never handed out."""
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            self.children.discard(child)
        return await self._spawn()

    async def _spawn(self) -> Child:
        child = await Child.start()
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
            self._idle.append(await self._spawn())

    async def _lose(self, child: Child) -> None:
        self.children.discard(child)
        await child.kill()


def refusal_of(members: dict[str, Any]) -> Refusal:
    """The refusal that a child answered with."""
    return InvalidImage(members.pop("code"), members.pop("detail"), **members)


def timed_out(wall_s: float) -> Unavailable:
    """The refusal of a picture that takes too long."""
    return Unavailable(
        "timeout",
        f"The picture could not be rendered within {wall_s:g} seconds.",
        fix="Send a smaller picture, or the same one again when the service is less busy.",
        headers={"retry-after": "5"},
    )
