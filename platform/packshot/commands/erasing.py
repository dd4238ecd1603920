"""Erasing a person: nothing personal is left, and every chain of events still holds.

The logs know people by an id alone, so nothing in them has to change: the rows beside them go.
"""

from dataclasses import dataclass

from domain.errors import Conflict
from domain.ids import OrgId, RequestId, UserId
from domain.recorded import Actor, Context
from domain.user import INSTALLATION, User
from packshot.commands.accounts import no_such_person
from packshot.commands.members import Members
from packshot.store import people
from packshot.store.erasure import forget_person
from packshot.store.events import EventStore
from projections.memberships import Place, find_places


@dataclass(frozen=True, slots=True)
class Gone:
    """A person who was erased, and the organizations that they left."""

    user_id: UserId
    left: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Erasing:
    """The use case of being forgotten."""

    store: EventStore
    members: Members

    async def erase(self, email: str, *, actor_id: str) -> Gone:
        """Erase the person of that address and end all their memberships, or do neither.

        Raises NotFound for an address that nobody has, and Conflict (last_owner) that names the
        organization which would be left without an owner.
        """
        async with self.store.pools.reading(INSTALLATION) as connection:
            person = await people.find_person(connection, email.strip().lower())
        if person is None:
            raise no_such_person()
        async with self.store.together() as unit:
            # Rows, then the installation's log, then those of organizations in the order of their
            # ids: the order in which whoever registers, joins or is disabled takes them.
            await forget_person(await unit.connection(), person.user_id)
            await self.store.change(
                _of_the_system(INSTALLATION, actor_id),
                User,
                stream_id=person.user_id.uuid,
                verb=User.erase,
            )
            left = await self._end_memberships(person.user_id, actor_id)
        # Who was joining in this very moment has no session any more, but a membership.
        late = await self._end_memberships(person.user_id, actor_id)
        return Gone(person.user_id, (*left, *late))

    async def _end_memberships(self, user_id: UserId, actor_id: str) -> list[Place]:
        async with self.store.pools.reading(INSTALLATION) as connection:
            places = await find_places(connection, user_id)
        places.sort(key=lambda place: place.org_id)
        for place in places:
            try:
                await self.members.remove(_of_the_system(place.org_id, actor_id), user_id)
            except Conflict as refused:
                raise _naming(refused, place) from None
        return places


def _naming(refused: Conflict, place: Place) -> Conflict:
    """The same refusal with the organization that it is about."""
    return Conflict(
        refused.code,
        f"Of {place.org_name} ({place.org_id}): {refused.detail}",
        fix=refused.fix,
    )


def _of_the_system(org_id: OrgId, actor_id: str) -> Context:
    request_id = f"{actor_id}:{RequestId.new()}"
    return Context(org_id, Actor("system", actor_id), request_id, correlation_id=request_id)
