"""What people call those who act: a key by its name, a person by theirs."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.ids import OrgId
from packshot.commands.people import People
from packshot.store.pool import Pools
from projections.api_keys import key_names


@dataclass(frozen=True, slots=True)
class ActorNames:
    """Finds names; ids that name nobody any more have none."""

    pools: Pools
    people: People

    async def find(self, org_id: OrgId, public_ids: Iterable[str]) -> dict[str, str]:
        """The names of those of the organization's keys and of people, by their public ids."""
        wanted = set(public_ids)
        async with self.pools.reading(org_id) as connection:
            names = await key_names(connection, org_id.uuid, wanted)
        return names | await self.people.names_of(wanted)
