"""The chain of one log, recomputed event by event, whatever the events are read from."""

import hashlib
import struct
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from packshot.store.codec import digest, genesis

# The position, the columns of the digest in its order, and the chain's own.
COLUMNS = ("seq", "stream_id", "version", "event_id", "type", "data", "meta", "at", "hash")
# What a column does that is null, of another type or out of every range.
UNREADABLE = (AttributeError, TypeError, UnicodeEncodeError, struct.error, OverflowError)


class Row(Protocol):
    """An event given as COLUMNS: a row of the database, or what was read of a file."""

    def __getitem__(self, column: Any, /) -> Any:
        """One of the columns by its number, or a slice of them."""


class Broken(Exception):
    """The log is not what was appended; ``position`` is the first place that shows it."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"position {position}: {reason}")
        self.position = position
        self.reason = reason


class Chain:
    """What was recomputed of a log so far: ``tip`` after ``position``.

    ``witnesses`` are hashes by position that somebody kept; each is held against the chain when it
    gets there. ``counts_versions`` holds each version against the one before it of its stream as
    well, which needs memory for every stream; the digest covers the version in any case.
    """

    def __init__(
        self,
        tenant_id: UUID,
        *,
        after: int = 0,
        tip: bytes | None = None,
        witnesses: Mapping[int, bytes] | None = None,
        counts_versions: bool = True,
    ) -> None:
        """Begin after a position whose ``tip`` is known; before the first it is genesis."""
        self.tenant_id = tenant_id
        self.start = self.position = after
        self.start_tip = self.tip = genesis(tenant_id) if tip is None else tip
        self.counts_versions = counts_versions
        self.witnesses = dict(witnesses or {})
        self._unmet = set(self.witnesses)
        self._versions: dict[UUID, int] = {}
        self._next: Any = None  # the next tip, while the events of its append are added
        self._next_hash: bytes | None = None
        self._next_from = 0

    def add(self, row: Row) -> None:
        """Take the next event, given as COLUMNS; raises Broken.

        The events of one append carry the same hash and follow each other.
        """
        if self._next is not None and row[8] != self._next_hash:
            self._close_append()
        position = self.position + 1
        if row[0] != position:
            raise Broken(position, f"expected position {position}, found {row[0]}")
        if self.counts_versions:
            self._count(row, position)
        if self._next is None:
            self._next = hashlib.sha256(self.tip)
            self._next_hash, self._next_from = row[8], position
        try:
            self._next.update(digest(self.tenant_id, *row[1:8]))
        except UNREADABLE:
            raise Broken(position, "a column cannot be read") from None
        self.position = position

    def end(self) -> None:
        """Close the last append; raises Broken for it, and for a witness that was never reached.

        Witnesses of positions before the chain's own start have nothing to be held against.
        """
        if self._next is not None:
            self._close_append()
        for position in sorted(self._unmet):
            if position == self.start:
                self._ask_the_witness(position, self.start_tip)
            if position > self.position:
                raise Broken(
                    self.position + 1,
                    f"a witness knows position {position}, this ends at {self.position}",
                )
            if position > self.start:
                raise Broken(
                    position, f"a witness saw an append end at {position}, and here none does"
                )

    def _close_append(self) -> None:
        tip, first, last = self._next.digest(), self._next_from, self.position
        if tip != self._next_hash:
            where = f"position {first}" if first == last else f"positions {first} to {last}"
            raise Broken(first, f"what was appended at {where} is changed")
        self.tip, self._next = tip, None
        self._ask_the_witness(last, tip)

    def _count(self, row: Row, position: int) -> None:
        """Hold the version against the one before; in a part of a log, a first one is as it is."""
        before = self._versions.get(row[1], None if self.start else 0)
        if before is not None and row[2] != before + 1:
            raise Broken(position, f"expected version {before + 1}, found {row[2]}")
        self._versions[row[1]] = row[2]

    def _ask_the_witness(self, position: int, tip: bytes) -> None:
        kept = self.witnesses.get(position)
        if kept is None:
            return
        if kept != tip:
            raise Broken(
                position,
                f"a witness kept another hash of position {position}: what lies up to there is "
                "not what it was",
            )
        self._unmet.discard(position)
