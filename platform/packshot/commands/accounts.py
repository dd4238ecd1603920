"""Accounts: what a person changes about their own, and who is kept out of an installation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import NotFound, Unauthenticated
from domain.ids import RequestId, SessionId, UserId
from domain.recorded import Actor, Context
from domain.user import INSTALLATION, User
from packshot.commands.passwords import hash_password, is_password
from packshot.store import people, resets, sessions
from packshot.store.events import EventStore
from projections.memberships import find_places


@dataclass(frozen=True, slots=True)
class Account:
    """A person's own account; ``has_password`` is False for who came by a provider."""

    user_id: UserId
    name: str = field(repr=False)
    email: str = field(repr=False)
    has_password: bool


@dataclass(frozen=True, slots=True)
class Accounts:
    """The use cases of accounts."""

    store: EventStore
    clock: Callable[[], datetime]

    async def find(self, user_id: UserId) -> Account:
        """The account of a person; raises NotFound."""
        person = await self._person(user_id)
        return Account(user_id, person.name, person.email, person.password_hash is not None)

    async def require_password(self, user_id: UserId, password: str) -> None:
        """Raise Unauthenticated where this is not the person's password."""
        person = await self._person(user_id)
        if not await is_password(password, person.password_hash):
            raise not_your_password()

    async def change_password(
        self, user_id: UserId, password: str, *, keep: SessionId | None
    ) -> None:
        """Give a person another password, and end their sessions but one; links go as well.

        Raises InvalidInput for what cannot be a password. Who asks has proved who they are.
        """
        password_hash = await hash_password(password)
        async with self.store.together() as unit:
            connection = await unit.connection()
            await people.set_password(connection, user_id, password_hash)
            await sessions.end_sessions_of(connection, user_id, but=keep)
            await resets.forget_resets_of(connection, user_id)
            await self.store.change(
                of_themselves(user_id), User, stream_id=user_id.uuid, verb=User.set_password
            )

    async def disable(self, email: str, *, actor_id: str) -> UserId:
        """Keep a person out of the whole installation; raises NotFound, Conflict for one who is.

        Sessions and links end at once, also links that they may have made for other members;
        memberships stay, for the day they are let in again.
        """
        person = await self._known(email)
        async with self.store.pools.reading(INSTALLATION) as reading:
            places = await find_places(reading, person.user_id)
        async with self.store.together() as unit:
            connection = await unit.connection()
            await people.set_disabled(connection, person.user_id, at=self.clock())
            await sessions.end_sessions_of(connection, person.user_id)
            await resets.forget_resets_of(connection, person.user_id)
            await resets.withdraw_resets(connection, [place.org_id for place in places])
            await self.store.change(
                _of_the_system(actor_id), User, stream_id=person.user_id.uuid, verb=User.disable
            )
        return person.user_id

    async def enable(self, email: str, *, actor_id: str) -> UserId:
        """Let a person in again; raises NotFound, and Conflict for one who is not kept out."""
        person = await self._known(email)
        async with self.store.together() as unit:
            await people.set_disabled(await unit.connection(), person.user_id, at=None)
            await self.store.change(
                _of_the_system(actor_id), User, stream_id=person.user_id.uuid, verb=User.enable
            )
        return person.user_id

    async def _person(self, user_id: UserId) -> people.Person:
        async with self.store.pools.reading(INSTALLATION) as connection:
            found = await people.find_people(connection, [user_id.uuid])
        if user_id not in found:
            raise no_such_person()
        return found[user_id]

    async def _known(self, email: str) -> people.Person:
        async with self.store.pools.reading(INSTALLATION) as connection:
            person = await people.find_person(connection, email.strip().lower())
        if person is None:
            raise no_such_person()
        return person


def of_themselves(user_id: UserId) -> Context:
    """An act of a person about their own account, in the installation's log."""
    request_id = str(RequestId.new())
    actor = Actor("user", str(user_id))
    return Context(INSTALLATION, actor, request_id, correlation_id=request_id)


def not_your_password() -> Unauthenticated:
    """The refusal of a password that is not the one of who is signed in."""
    return Unauthenticated(
        "sign_in_failed", "This is not your password.", fix="Capitals and spaces count in it."
    )


def no_such_person() -> NotFound:
    """The refusal of an address that nobody here has."""
    return NotFound(
        "not_found",
        "Nobody here has this address.",
        fix="Name the data folder of the installation that is meant with --data DIR.",
    )


def _of_the_system(actor_id: str) -> Context:
    request_id = f"{actor_id}:{RequestId.new()}"
    return Context(INSTALLATION, Actor("system", actor_id), request_id, correlation_id=request_id)
