"""What people call who did something: the names of people and of keys, never from the log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from domain.ids import OrgId
from packshot.commands.people import People
from packshot.store.events import EventStore
from projections.api_keys import key_names

NAMELESS = {"key": "An API key", "user": "Somebody who has left"}
# Type and id of an actor.
Named: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """The query of names."""

    store: EventStore
    people: People

    async def of(self, org_id: OrgId, actors: Iterable[Named]) -> Mapping[Named, str]:
        """A name for each of these actors, also for those that have none."""
        wanted = set(actors)
        keys = {actor_id for kind, actor_id in wanted if kind == "key"}
        users = {actor_id for kind, actor_id in wanted if kind == "user"}
        async with self.store.pools.reading(org_id) as database:
            known = await key_names(database, org_id.uuid, keys)
        known |= await self.people.names_of(users)
        return {
            (kind, actor_id): known.get(actor_id) or NAMELESS.get(kind, "Packshot")
            for kind, actor_id in wanted
        }
