"""The proof of an organization's log: exported for outsiders, and verified where it lies."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.errors import InvalidInput
from domain.ids import OrgId
from packshot.store.checkpoints import Checkpoint, list_checkpoints
from packshot.store.events import EventStore
from packshot.store.export_lines import Beginning, Ending, Format, Writer, time_text
from packshot.store.head import LogHead, SignedHead
from packshot.store.log_parts import LogPart, find_part, read_part
from packshot.store.verify import Verdict, verify_rows


@dataclass(frozen=True, slots=True)
class Audit:
    """The use cases of whoever wants proof."""

    store: EventStore
    clock: Callable[[], datetime]

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The key that this installation's heads are verified with."""
        return self.store.signer.public_key

    async def part(self, org_id: OrgId, *, after: int = 0, until: int | None = None) -> LogPart:
        """The part of a log that is to be exported; raises InvalidInput for no such positions."""
        return await find_part(
            self.store.pools, org_id, self.store.signer, after=after, until=until
        )

    async def export(self, part: LogPart, form: Format) -> AsyncIterator[bytes]:
        """The export of a part, piece by piece; only a whole one has an end.

        Raises what the database does, and then there is none.
        """
        writer, events = Writer(form), 0
        now = time_text(self.clock())
        assert now is not None
        yield writer.beginning(Beginning(part.org_id, part.after, part.tip, part.until, now))
        async for batch in read_part(self.store.pools, part):
            events += len(batch)
            yield writer.events(batch)
        yield writer.ending(Ending(events, str(part.head)))

    async def checkpoints(
        self, org_id: OrgId, *, before: int | None, limit: int
    ) -> tuple[list[Checkpoint], int]:
        """The checkpoints of a log below a position, newest first, and how many there are."""
        async with self.store.pools.reading(org_id) as connection:
            return await list_checkpoints(connection, org_id.uuid, before=before, limit=limit)

    def head_of(self, made: Checkpoint) -> LogHead:
        """The head that a checkpoint is of."""
        return LogHead(made.org_id, made.position, made.tip, self.store.signer)

    async def verify(self, org_id: OrgId, witness: SignedHead | None) -> tuple[Verdict, LogHead]:
        """Recompute the chain of a log up to its newest event, and say the head it was held to.

        ``witness`` is a head that somebody kept. Raises InvalidInput for one that this
        installation never signed for that organization: it bears witness to nothing.
        """
        if witness is not None and not witness.is_signed_by(self.public_key, org_id):
            raise InvalidInput(
                "invalid_parameter",
                "head is not signed by this installation for your organization.",
                param="head",
                fix="Send the x-log-head of a write of this organization as it was answered.",
            )
        part = await self.part(org_id)
        verdict = await verify_rows(
            org_id.uuid,
            read_part(self.store.pools, part),
            (part.head.position, part.head.hash),
            witnesses={} if witness is None else {witness.position: witness.tip},
            counts_versions=False,
        )
        return verdict, part.head
