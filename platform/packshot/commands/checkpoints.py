"""Makes checkpoints of every log: signed, kept in the database, in a file, and on a server.

Each step finds what the one before has left, so that a process that dies anywhere, and any number
of processes, leave nothing out and nothing half.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from integrations.http import OutboundClient, OutboundFailed
from packshot.failpoints import failpoint
from packshot.store import checkpoints as rows
from packshot.store.checkpoint_files import FOLDER, add_lines, checkpoint_line
from packshot.store.checkpoints import Checkpoint
from packshot.store.head import Signer
from packshot.store.notes import checkpoint_note
from packshot.store.pool import Pool

OLDEST = timedelta(hours=1)
POSTED_AT_ONCE = 20
POST_WITHIN_S = 10.0
TAKEN = range(200, 300)


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The use cases of checkpoints, on a pool of the projector's role.

    ``url`` is where each is posted as well; None for nowhere.
    """

    pool: Pool
    signer: Signer
    storage_dir: Path
    clock: Callable[[], datetime]
    outbound: OutboundClient | None = None
    url: str | None = None

    async def make(self) -> int:
        """Sign what is due and write down what is signed; returns how many were signed.

        Does nothing while another process does it. Raises OSError where a file cannot be written;
        what was signed is kept, and written the next time.
        """
        async with self.pool.acquire() as connection:
            async with connection.transaction():
                if not await rows.is_alone(connection):
                    return 0
                # Kept for good before it is told to anybody: the pool's commits wait for no disk.
                await connection.execute("SET LOCAL synchronous_commit = on")
                now = self.clock()
                due = await rows.find_due(connection, signed_before=now - OLDEST)
                for one in due:
                    await rows.add_checkpoint(connection, self._signed(one, now))
            async with connection.transaction():
                if await rows.is_alone(connection):
                    unwritten = await rows.find_unwritten(connection)
                    await asyncio.to_thread(self._write, unwritten)
                    await rows.mark_written(connection, unwritten, at=self.clock())
        return len(due)

    async def post(self) -> int:
        """Tell the server what it was not told yet, oldest first; returns how many it took.

        Raises OutboundFailed for the first that it does not take: the rest wait for that one.
        """
        if self.url is None or self.outbound is None:
            return 0
        async with self.pool.acquire() as connection:
            unposted = await rows.find_unposted(connection, limit=POSTED_AT_ONCE)
        for one in unposted:
            answer = await self.outbound.post(
                self.url,
                body=checkpoint_line(one, self.signer),
                headers={"content-type": "application/json"},
                deadline_s=POST_WITHIN_S,
            )
            if answer.status not in TAKEN:
                raise OutboundFailed.answered(answer.status)
            async with self.pool.acquire() as connection:
                await rows.mark_posted(connection, one, at=self.clock())
        return len(unposted)

    def _signed(self, due: rows.Due, now: datetime) -> Checkpoint:
        note = checkpoint_note(
            due.org_id, position=due.position, tip=due.tip, at=now, signer=self.signer
        )
        failpoint("checkpoint.after_sign")
        return Checkpoint(due.org_id, due.position, due.tip, now, note)

    def _write(self, made: list[Checkpoint]) -> None:
        for org_id, theirs in groupby(made, key=lambda one: one.org_id):
            lines = [checkpoint_line(one, self.signer) for one in theirs]
            add_lines(self.storage_dir / FOLDER / f"{org_id}.jsonl", lines)
