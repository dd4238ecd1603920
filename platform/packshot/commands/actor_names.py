"""What people call those who act: a key by its name, a person by theirs."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.ids import OrgId, UserId
from domain.user import INSTALLATION
from packshot.store.events import EventStore
from packshot.store.people import find_people
from projections.api_keys import key_names


@dataclass(frozen=True, slots=True)
class ActorNames:
    """Finds names; ids that name nobody any more have none."""

    store: EventStore

    async def find(self, org_id: OrgId, public_ids: Iterable[str]) -> dict[str, str]:
        """The names of those of the organization's keys and of people, by their public ids."""
        wanted = set(public_ids)
        async with self.store.pools.reading(org_id) as connection:
            names = await key_names(connection, org_id.uuid, wanted)
        user_ids = [user_id.uuid for text in wanted if (user_id := _user_id(text)) is not None]
        if user_ids:
            async with self.store.pools.reading(INSTALLATION) as connection:
                people = await find_people(connection, user_ids)
            names |= {str(user_id): person.name for user_id, person in people.items()}
        return names


def _user_id(text: str) -> UserId | None:
    try:
        return UserId.parse(text)
    except ValueError:
        return None
