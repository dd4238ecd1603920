"""One render child seen from its parent: started, asked, watched, killed."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

import orjson

from packshot.render.answers import Garbled

# Half as much again as the gate admits by its prediction (imaging.limits): the wall behind it.
MEMORY_BUDGET_BYTES = 1536 * 1024**2
LINE_MAX_BYTES = 64 * 1024  # an answer has about 2 KiB; it is stored with every event that names it
START_SECONDS = 30.0
# -P: a folder called imaging/ where the user stands is not ours to import.
COMMAND = (sys.executable, "-P", "-m", "packshot.render.child")
PASSED_ON = (
    "PATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
)


class ChildDied(Exception):
    """The child ended in the middle of a render; ``signal`` is what killed it, if a signal did."""

    def __init__(self, returncode: int) -> None:
        super().__init__(f"a render child ended with {returncode}")
        self.signal = -returncode if returncode < 0 else None


class Child:
    """A running render child."""

    def __init__(self, process: asyncio.subprocess.Process, engine: Mapping[str, str]) -> None:
        self.process = process
        self.engine = engine
        self.renders = 0

    @classmethod
    async def start(cls) -> Self:
        """Start a child and wait until it is ready.

        Raises ChildDied, OSError or, after START_SECONDS, TimeoutError when it cannot start.
        """
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            str(MEMORY_BUDGET_BYTES),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            limit=LINE_MAX_BYTES,
            start_new_session=True,
        )
        child = cls(process, {})
        try:
            line = await asyncio.wait_for(child._read(), START_SECONDS)
            child.engine = orjson.loads(line)["engine"]
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def is_alive(self) -> bool:
        """Whether the child can be asked."""
        return self.process.returncode is None

    async def ask(self, request: Mapping[str, Any]) -> bytes:
        """Send a request and wait for its answer, one line; raises ChildDied or Garbled."""
        self.renders += 1
        if self.process.stdin is None:
            raise TypeError("the child was started without a pipe")
        try:
            self.process.stdin.write(orjson.dumps(request) + b"\n")
            await self.process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise ChildDied(await self.process.wait()) from None
        return await self._read()

    async def kill(self) -> None:
        """End the child at once and wait for its end."""
        if self.is_alive:
            with suppress(ProcessLookupError):  # it may end between the look and the shot
                os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def _read(self) -> bytes:
        if self.process.stdout is None:
            raise TypeError("the child was started without a pipe")
        try:
            line = await self.process.stdout.readline()
        except ValueError as endless:
            raise Garbled("an endless line") from endless
        if not line.endswith(b"\n"):
            raise ChildDied(await self.process.wait())
        return line


def _environment() -> dict[str, str]:
    """What a child may know: where libraries are, and nothing of this installation."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}
