"""The trail as people read it: entries with names, one event's facts, and the signed head."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from domain.errors import NotFound
from domain.ids import OrgId
from domain.recorded import Recorded
from packshot.commands.names import Names
from packshot.commands.people import People
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from projections.activity import Activity, Wanted, count_activity, find_activity, find_actors
from projections.sentences import listing_of

MOST_ACTORS = 200
# Of a key's secret the log keeps a MAC; it proves nothing to a reader, so none is shown it.
NOT_SHOWN = frozenset({"mac", "pepper_id"})


@dataclass(frozen=True, slots=True)
class Told:
    """Entries, how many there are (counted up to a bound), and what they name.

    ``names`` are those of actors and members by id; ``subjects`` say what a thing is called, by its
    public id.
    """

    entries: Sequence[Activity]
    total: int
    names: Mapping[str, str]
    subjects: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trail:
    """The use cases of looking back."""

    store: EventStore
    people: People

    @property
    def names(self) -> Names:
        """Who is called what."""
        return Names(self.store.pools, self.people)

    async def entries(
        self, org_id: OrgId, wanted: Wanted, *, limit: int, count_at_most: int
    ) -> tuple[Sequence[Activity], int]:
        """The newest entries that are wanted, with people's names, and how many there are."""
        entries, total = await self._found(org_id, wanted, limit=limit, count_at_most=count_at_most)
        names = await self.people.names_of({person for one in entries for person in one.people})
        return [one.naming(names) for one in entries], total

    async def list(self, org_id: OrgId, wanted: Wanted, *, limit: int, count_at_most: int) -> Told:
        """The same with all that they name, for a page."""
        entries, total = await self._found(org_id, wanted, limit=limit, count_at_most=count_at_most)
        firsts = await self._firsts(org_id, entries)
        members = {data["user_id"] for data in firsts.values() if "user_id" in data}
        named = {person for one in entries for person in one.people}
        acting = {one.actor_id for one in entries}
        names = await self.names.known(org_id, acting | members | named)
        entries = [one.naming(names) for one in entries]
        subjects = {one.subject_id: _called(firsts.get(one.event_id.uuid, {}), names)
                    for one in entries}  # fmt: skip
        return Told(entries, total, names, {key: text for key, text in subjects.items() if text})

    async def find(self, org_id: OrgId, position: int) -> Recorded:
        """The event at a position of the organization's log; raises NotFound."""
        found = await self.store.read(org_id, after=position - 1, limit=1)
        if not found or found[0].position != position:
            raise NotFound("not_found", "There is no such event.", fix="Look at the list.")
        return found[0]

    async def actors(self, org_id: OrgId) -> dict[str, str]:
        """Everybody who did something, by id, and what they are called."""
        async with self.store.pools.reading(org_id) as connection:
            acting = await find_actors(connection, org_id.uuid, at_most=MOST_ACTORS)
        names = await self.names.known(org_id, [actor_id for _, actor_id in acting])
        told = {actor_id: called(kind, actor_id, names) for kind, actor_id in acting}
        return dict(sorted(told.items(), key=lambda one: one[1].casefold()))

    async def head(self, org_id: OrgId) -> LogHead:
        """The head of the organization's log as it is now."""
        async with self.store.pools.reading(org_id) as connection:
            row = await connection.fetchrow(
                "SELECT seq, hash FROM es.tenant_head WHERE tenant_id = $1", org_id.uuid
            )
        if row is None:
            raise NotFound("not_found", "There is no such organization.")
        return LogHead(org_id, row["seq"], row["hash"], self.store.signer)

    async def _found(
        self, org_id: OrgId, wanted: Wanted, *, limit: int, count_at_most: int
    ) -> tuple[Sequence[Activity], int]:
        async with self.store.pools.reading(org_id) as connection:
            entries = await find_activity(connection, org_id.uuid, wanted=wanted, limit=limit)
            total = await count_activity(
                connection, org_id.uuid, wanted=wanted, at_most=count_at_most
            )
        return entries, total

    async def _firsts(
        self, org_id: OrgId, entries: Iterable[Activity]
    ) -> dict[UUID, dict[str, Any]]:
        """How the stream of each entry began, by the entry's event id: what it is called there."""
        async with self.store.pools.reading(org_id) as connection:
            rows = await connection.fetch(
                """
                SELECT e.event_id, first.data
                FROM es.event e
                JOIN es.event first ON first.tenant_id = e.tenant_id
                                   AND first.stream_id = e.stream_id AND first.version = 1
                WHERE e.tenant_id = $1 AND e.seq = ANY($2)
                """,
                org_id.uuid,
                [one.position for one in entries],
            )
        return {row["event_id"]: orjson.loads(row["data"]) for row in rows}


def called(kind: str, actor_id: str, names: Mapping[str, str]) -> str:
    """What an actor is called; a person who is erased has no name any more."""
    if kind == "operator":
        return "the operator"
    nameless = {"key": f"key {actor_id}", "user": "a former member"}
    return names.get(actor_id) or nameless.get(kind, f"Packshot ({actor_id})")


def shown_data(event: Recorded) -> Mapping[str, Any]:
    """What the event holds, as people may see it."""
    return {name: value for name, value in event.data.items() if name not in NOT_SHOWN}


def _called(first: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What a thing is called, from the first event of its stream; empty for one without a name."""
    name = first.get("name") or first.get("sku")
    if name is None and "target" in first:
        name = listing_of(first)
    if name is None and first.get("items"):
        name = f"batch of {first['items']:,}"
    if name is None and "operation" in first:
        name = first["operation"]
    return str(name or names.get(first.get("user_id", ""), ""))
