"""Files on their way in: hashed and written beside the event loop while the rest still arrives."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time
from uuid import uuid4

# A thread's round trip costs about as much as hashing 100 kB: a batch is worth several of them.
BATCH_BYTES = 512 * 1024
FORGOTTEN_AFTER_S = 3600


def spool_of(storage_dir: Path) -> Path:
    """The folder of files on their way in, on the file system of the blobs."""
    return storage_dir / "spool"


@dataclass(frozen=True, slots=True)
class Spooled:
    """A received file: where it lies, the SHA-256 (hex) and the number of its bytes, its name."""

    path: Path
    sha256: str
    size_bytes: int
    filename: str | None


class SpoolFile:
    """A file being received. One batch is written while the next one arrives.

    The loop never waits for the disk, and the sender does when the disk is behind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._hash = sha256()
        self._batch: list[bytes | bytearray] = []
        self._batch_bytes = 0
        self._flight: asyncio.Future[None] | None = None

    async def write(self, piece: bytes | bytearray) -> None:
        """Take a piece; returns at once unless the disk is a whole batch behind."""
        self.size_bytes += len(piece)
        self._batch.append(piece)
        self._batch_bytes += len(piece)
        if self._batch_bytes >= BATCH_BYTES:
            await self._start_batch()

    async def finish(self, *, filename: str | None) -> Spooled:
        """Wait until everything is written; raises OSError when the disk refused it."""
        if self._batch:
            await self._start_batch()
        await self._landed()
        return Spooled(self.path, self._hash.hexdigest(), self.size_bytes, filename)

    def discard(self) -> None:
        """Remove the file, if it is still there, and give its descriptor back.

        Closing frees the pages of the removed file (6 ms at 50 MB), so a thread does that too,
        after the batch that may still be under way.
        """
        self.path.unlink(missing_ok=True)
        if self._flight is not None and not self._flight.done():
            self._flight.add_done_callback(lambda _: os.close(self._descriptor))
        else:
            asyncio.get_running_loop().run_in_executor(None, os.close, self._descriptor)

    async def _start_batch(self) -> None:
        await self._landed()
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        loop = asyncio.get_running_loop()
        self._flight = loop.run_in_executor(None, self._write_batch, batch)

    async def _landed(self) -> None:
        if self._flight is not None:
            await asyncio.shield(self._flight)  # a thread cannot be cancelled: it keeps the file

    def _write_batch(self, batch: list[bytes | bytearray]) -> None:
        for piece in batch:
            self._hash.update(piece)
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]


@asynccontextmanager
async def spooling(folder: Path) -> AsyncIterator[SpoolFile]:
    """A new spool file that is gone when the block is left, whichever way it is left."""
    file = SpoolFile(folder / f"{uuid4().hex}.part")
    try:
        yield file
    finally:
        file.discard()


def sweep_spool(folder: Path, *, now_s: float | None = None) -> int:
    """Make the folder, and remove files that a killed process left in it; returns how many.

    A file's age counts from its last change of any kind, a second name included: a name that
    another process has just given to an old blob is in use. ``now_s``: seconds since 1970.
    """
    forgotten_s = (time() if now_s is None else now_s) - FORGOTTEN_AFTER_S
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    swept = 0
    for path in folder.glob("*.part"):
        with suppress(FileNotFoundError):  # another process swept it first
            if path.stat().st_ctime < forgotten_s:
                path.unlink()
                swept += 1
    return swept
