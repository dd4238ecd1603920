"""Heads that somebody kept: a file of them, and what each bears witness to.

A line is a head as ``x-log-head`` tells it, the header itself as ``curl -D`` writes it, or a JSON
object with ``head`` and perhaps ``orgId``, which is what Packshot itself writes.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.ids import OrgId
from packshot.store.checkpoint_files import add_lines
from packshot.store.events import EventStore
from packshot.store.export_lines import time_text
from packshot.store.head import LogHead, SignedHead

HEADER = re.compile(r"\s*x-log-head\s*:\s*(.*)", re.IGNORECASE)
BARE = re.compile(r"[0-9]+\.")


class UnreadableWitness(Exception):
    """The file of a witness holds a line that is damaged, or no head at all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A head that was kept, and in which line of the file; ``org_id`` where that was kept too."""

    line: int
    head: SignedHead
    org_id: OrgId | None = None


def read_witness(lines: Iterable[str]) -> list[Kept]:
    """The heads of a file; other headers of an answer are passed over. Raises UnreadableWitness."""
    kept = list(_read(lines))
    if not kept:
        raise UnreadableWitness("it holds no head")
    return kept


def sort_witnesses(
    kept: Iterable[Kept], public_key: Ed25519PublicKey, org_ids: Collection[OrgId]
) -> tuple[dict[OrgId, dict[int, bytes]], list[str]]:
    """The hashes by position of each organization, and what the heads themselves give away.

    That is a head which this key did not sign for any of these organizations, and two that it
    signed for one position: the log had two histories. Heads that name another organization say
    nothing here.
    """
    hashes: dict[OrgId, dict[int, bytes]] = {}
    complaints = []
    for one in kept:
        if one.org_id is not None and one.org_id not in org_ids:
            continue
        candidates = org_ids if one.org_id is None else (one.org_id,)
        signed = [who for who in candidates if one.head.is_signed_by(public_key, who)]
        if not signed:
            complaints.append(f"line {one.line} of the witness is not signed by that key")
            continue
        first = hashes.setdefault(signed[0], {}).setdefault(one.head.position, one.head.tip)
        if first != one.head.tip:
            complaints.append(
                f"line {one.line} of the witness: that key signed two histories of "
                f"{signed[0]}, which differ up to position {one.head.position}"
            )
    return hashes, complaints


@contextmanager
def keeping_heads(
    store: EventStore, file: Path, *, clock: Callable[[], datetime]
) -> Iterator[None]:
    """Keep the heads of what is written inside the block in a file; raises OSError after it."""
    heads: dict[OrgId, LogHead] = {}
    tell = store.on_append

    def keep(head: LogHead) -> None:
        heads[head.org_id] = head
        tell(head)

    store.on_append = keep
    try:
        yield
    finally:
        store.on_append = tell
        _keep(file, heads.values(), at=clock())


def _keep(file: Path, heads: Collection[LogHead], *, at: datetime) -> None:
    told = [{"orgId": str(head.org_id), "head": str(head), "at": time_text(at)} for head in heads]
    if told:
        add_lines(file, [orjson.dumps(line) + b"\n" for line in told])


def _read(lines: Iterable[str]) -> Iterator[Kept]:
    for number, line in enumerate(lines, start=1):
        text, org_id = line.strip(), None
        header = HEADER.fullmatch(text)
        try:
            if text.startswith("{"):
                told = orjson.loads(text)
                text = told["head"]
                org_id = OrgId.parse(told["orgId"]) if "orgId" in told else None
            elif header is not None:
                text = header[1]
            elif not BARE.match(text):
                continue
            yield Kept(number, SignedHead.parse(text), org_id)
        except (ValueError, KeyError, TypeError):
            raise UnreadableWitness(f"line {number} is no head") from None
