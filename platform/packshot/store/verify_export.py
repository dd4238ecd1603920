"""Verifies an export of a log with nothing but the file, the public key and what a witness kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.ids import OrgId
from packshot.store.chain import Broken, Chain
from packshot.store.codec import genesis
from packshot.store.export_lines import Beginning, Ending
from packshot.store.export_reading import Line, UnreadableLine, read_export
from packshot.store.head import SignedHead


@dataclass(frozen=True, slots=True)
class ExportVerdict:
    """What an export shows: whose events it holds, from which to which, and what is wrong.

    ``head`` is what it led to; ``first_bad`` the position that shows what ``reason`` says, None
    where the place is a line. ``unasked`` are the positions of witnesses outside of a part.
    """

    org_id: OrgId | None
    after: int
    events: int
    head: str | None
    first_bad: int | None = None
    reason: str | None = None
    unasked: tuple[int, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it holds exactly what was appended, in its order and to its end."""
        return self.reason is None


def whose(file: BinaryIO) -> OrgId | None:
    """The organization that an export says it is of; None where its beginning cannot be read."""
    try:
        _, line = next(read_export(file), (0, None))
    except UnreadableLine:
        return None
    finally:
        file.seek(0)
    return line.org_id if isinstance(line, Beginning) else None


def verify_export(
    file: BinaryIO, public_key: Ed25519PublicKey, witnesses: Mapping[int, bytes]
) -> ExportVerdict:
    """Recompute the chain of an export, and hold its end against the signed head and witnesses."""
    lines = read_export(file)
    org_id: OrgId | None = None
    chain: Chain | None = None
    unasked: tuple[int, ...] = ()
    try:
        beginning = _beginning(lines)
        org_id, unasked = beginning.org_id, _outside(beginning, witnesses)
        asked = {position: tip for position, tip in witnesses.items() if position not in unasked}
        chain = Chain(org_id.uuid, after=beginning.after, tip=beginning.tip, witnesses=asked)
        head = _follow(lines, chain, org_id=org_id, public_key=public_key)
        _require_fitting(beginning, head)
    except Broken as broken:
        assert chain is not None
        count = chain.position - chain.start
        return ExportVerdict(
            org_id, chain.start, count, None, broken.position, broken.reason, unasked
        )
    except UnreadableLine as unreadable:
        after, count = (0, 0) if chain is None else (chain.start, chain.position - chain.start)
        return ExportVerdict(org_id, after, count, None, None, str(unreadable), unasked)
    return ExportVerdict(
        org_id, chain.start, chain.position - chain.start, str(head), unasked=unasked
    )


def _beginning(lines: Iterator[tuple[int, Line]]) -> Beginning:
    _, line = next(lines, (1, None))
    if not isinstance(line, Beginning):
        raise UnreadableLine(1, "an export begins with whose log it is of")
    return line


def _require_fitting(beginning: Beginning, head: SignedHead) -> None:
    """Raise UnreadableLine for a beginning that is not that of what followed.

    A tip that is not the right one leads to no signed head, but for the one before the first event:
    there an export without events would say nothing.
    """
    if beginning.until not in {None, head.position}:
        raise UnreadableLine(1, f"it was to end at {beginning.until}, not at {head.position}")
    if beginning.after == 0 and beginning.tip != genesis(beginning.org_id.uuid):
        raise UnreadableLine(1, "the tip before the first event is another one")


def _outside(beginning: Beginning, witnesses: Mapping[int, bytes]) -> tuple[int, ...]:
    """Positions that a part says nothing of: before its beginning, and after where it was to end.

    What ends before a witness without having been asked to was cut: that witness is asked.
    """
    return tuple(
        position
        for position in sorted(witnesses)
        if position < beginning.after
        or (beginning.until is not None and position > beginning.until)
    )


def _follow(
    lines: Iterator[tuple[int, Line]],
    chain: Chain,
    *,
    org_id: OrgId,
    public_key: Ed25519PublicKey,
) -> SignedHead:
    """Take every line to the end and return the head that is signed there."""
    number = 1
    for number, line in lines:
        if isinstance(line, Ending):
            chain.end()
            head = _signed_head(line, number, chain, org_id=org_id, public_key=public_key)
            for follows, _ in lines:
                raise UnreadableLine(follows, "something follows the end of the export")
            return head
        if isinstance(line, Beginning):
            raise UnreadableLine(number, "another export begins here")
        chain.add(line)
    raise UnreadableLine(
        number + 1, f"the export is cut off after position {chain.position}: its end is missing"
    )


def _signed_head(
    ending: Ending, number: int, chain: Chain, *, org_id: OrgId, public_key: Ed25519PublicKey
) -> SignedHead:
    try:
        head = SignedHead.parse(ending.head)
    except ValueError:
        raise UnreadableLine(number, "the end holds no head") from None
    events = chain.position - chain.start
    if ending.events != events or head.position != chain.position:
        raise UnreadableLine(
            number,
            f"the end tells of {ending.events} events up to position {head.position}, "
            f"but {events} came, up to {chain.position}",
        )
    if not head.is_signed_by(public_key, org_id):
        raise UnreadableLine(number, "the head is not signed by that key for this organization")
    if head.tip != chain.tip:
        raise Broken(chain.position, "the signed head is not what the events lead to")
    return head
