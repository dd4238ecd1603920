"""What people call who did something: the names of people and of keys, never from the log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.ids import OrgId
from domain.recorded import Actor
from packshot.commands.people import People
from packshot.store.pool import Pools
from projections.api_keys import key_names

NAMELESS = {"key": "An API key", "user": "A former member"}


@dataclass(frozen=True, slots=True)
class Names:
    """The query of names."""

    pools: Pools
    people: People

    async def of(self, org_id: OrgId, actors: Iterable[Actor]) -> Mapping[Actor, str]:
        """A name for each of these actors, also for those that have none."""
        wanted = set(actors)
        known = await self.known(org_id, {actor.id for actor in wanted})
        return {one: known.get(one.id) or NAMELESS.get(one.kind, "Packshot") for one in wanted}

    async def known(self, org_id: OrgId, public_ids: Iterable[str]) -> dict[str, str]:
        """The names of those of the organization's keys and of people, by their public ids.

        Ids that name nobody any more have none.
        """
        wanted = set(public_ids)
        async with self.pools.reading(org_id) as connection:
            names = await key_names(connection, org_id.uuid, wanted)
        return names | await self.people.names_of(wanted)
