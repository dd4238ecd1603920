"""A file being downloaded: hashed and written beside the event loop while the rest arrives."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

# A thread's round trip costs about as much as hashing 100 kB: a batch is worth several of them.
BATCH_BYTES = 512 * 1024


class ReceivedFile:
    """One batch is written while the next one arrives; the sender waits if the disk is behind."""

    def __init__(self, path: Path) -> None:
        self.size_bytes = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._hash = sha256()
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._flight: asyncio.Future[None] | None = None

    async def write(self, piece: bytes) -> None:
        """Take a piece; raises OSError when the disk refused an earlier one."""
        self.size_bytes += len(piece)
        self._batch.append(piece)
        self._batch_bytes += len(piece)
        if self._batch_bytes >= BATCH_BYTES:
            await self._start_batch()

    async def finish(self) -> str:
        """Wait until everything is written; returns its SHA-256 in hex, raises OSError."""
        await self._start_batch()
        await self._landed()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Give the descriptor back, after the batch that may still be under way."""
        if self._flight is not None and not self._flight.done():
            self._flight.add_done_callback(lambda _: os.close(self._descriptor))
        else:
            os.close(self._descriptor)

    async def _start_batch(self) -> None:
        await self._landed()
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        self._flight = asyncio.get_running_loop().run_in_executor(None, self._write_batch, batch)

    async def _landed(self) -> None:
        if self._flight is not None:
            await asyncio.shield(self._flight)  # a thread cannot be cancelled: it keeps the file

    def _write_batch(self, batch: list[bytes]) -> None:
        for piece in batch:
            self._hash.update(piece)
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]


@asynccontextmanager
async def receiving(destination: Path) -> AsyncIterator[ReceivedFile]:
    """A new file that stays when the block is left in peace, and is gone when it is not."""
    file = ReceivedFile(destination)
    try:
        yield file
    except BaseException:
        destination.unlink(missing_ok=True)  # noqa: ASYNC240 - a name; the bytes go with close
        raise
    finally:
        file.close()
