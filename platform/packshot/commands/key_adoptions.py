"""Adopting a key: an owner or admin answers for it in place of a person who has left."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from domain.access import Person, access
from domain.errors import Conflict, Forbidden, InvalidInput
from domain.ids import KeyId, UserId
from domain.recorded import Context
from domain.scopes import EVERY_SCOPE, Scope
from packshot.commands.api_keys import ApiKeys, ChangedKey, require_granted
from projections.api_keys import ListedKey
from projections.memberships import find_role


@dataclass(frozen=True, slots=True)
class KeyAdoptions:
    """The use case of adopting."""

    api_keys: ApiKeys

    async def adopt(
        self,
        context: Context,
        key_id: KeyId,
        *,
        by: UserId | None = None,
        granted: Collection[Scope],
    ) -> ChangedKey:
        """Let an owner or admin answer for a key whose person has left.

        That is who asks, or who answers for the key that asks; a key of the organization's own
        names somebody, ``by``. Raises NotFound, Forbidden, InvalidInput, and Conflict
        (not_adoptable, already_terminal).
        """
        async with self.api_keys.store.alone(context.org_id):  # so that one of two adopts it
            before = await self.api_keys.find(context.org_id, key_id)
            require_granted([Scope(scope) for scope in before.scopes], granted)
            adopter = await self._adopter(context, by)
            if not before.is_adoptable:
                raise _not_adoptable(before)
            at = self.api_keys.clock()
            changed = await self.api_keys.change(
                context, before, lambda key: key.adopt(adopter.user_id, at=at)
            )
            names = await self.api_keys.people.names_of({str(adopter.user_id)})
        name = names.get(str(adopter.user_id))
        told = replace(changed.key, responsible=adopter, responsible_name=name)
        return replace(changed, key=told)

    async def _adopter(self, context: Context, named: UserId | None) -> Person:
        """The person who is to answer for a key; owners and admins may."""
        asking = await self.api_keys.person_behind(context)
        if asking is not None and named not in {None, asking.user_id}:
            raise InvalidInput(
                "invalid_parameter",
                "userId is for a key that nobody answers for; behind this one stands a person.",
                param="userId",
                fix="Leave it out, to answer for the key yourself.",
            )
        user_id = named if asking is None else asking.user_id
        if user_id is None:
            raise InvalidInput(
                "missing_parameter",
                "Nobody answers for the key that asks: the request must say who is to.",
                param="userId",
                fix="Send the userId of an owner or admin; GET /api/v1/members tells them.",
            )
        async with self.api_keys.store.pools.reading(context.org_id) as connection:
            role = await find_role(connection, context.org_id.uuid, user_id)
        person = Person(user_id, role)
        if person.has_left or Scope.KEYS_MANAGE not in access(EVERY_SCOPE, person).scopes:
            raise Forbidden(
                "scope_missing",
                "A key is adopted by an owner or admin of the organization.",
                param="userId" if asking is None else None,
                fix="Ask one of them to adopt the key.",
                headers={"x-accepted-scopes": str(Scope.KEYS_MANAGE)},
            )
        return person


def _not_adoptable(key: ListedKey) -> Conflict:
    return Conflict(
        "not_adoptable",
        "Nobody answers for this key: it is the organization's own."
        if key.responsible is None
        else "Somebody who belongs to the organization answers for this key.",
        fix="Adopt a key whose answer says adoptable; create a new one in place of any other.",
    )
