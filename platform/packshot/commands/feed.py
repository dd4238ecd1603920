"""The feed of activity with the names of people, which lie beside the log."""

from dataclasses import dataclass

from domain.ids import OrgId
from packshot.commands.people import People
from packshot.store.pool import Pools
from projections.activity import Activity, Wanted, find_activity


@dataclass(frozen=True, slots=True)
class Feed:
    """What happened in an organization, for its people and its keys."""

    pools: Pools
    people: People

    async def find(self, org_id: OrgId, wanted: Wanted, *, limit: int) -> list[Activity]:
        """The newest entries that are wanted, at most ``limit``, with everybody's name."""
        async with self.pools.reading(org_id) as connection:
            entries = await find_activity(connection, org_id.uuid, wanted=wanted, limit=limit)
        return await self.named(entries)

    async def named(self, entries: list[Activity]) -> list[Activity]:
        """The same entries with everybody's name."""
        told_of = set().union(*(entry.people for entry in entries))
        names = await self.people.names_of(told_of)
        return [entry.naming(names) for entry in entries]
