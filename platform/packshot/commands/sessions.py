"""Sessions: who is signed in, and for which organization they look at the pages."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from domain.access import Access, Person, access
from domain.ids import OrgId, UserId
from domain.roles import Role
from domain.scopes import EVERY_SCOPE
from domain.user import INSTALLATION
from packshot.store import people
from packshot.store.events import EventStore
from projections.memberships import Place, find_places

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=1)
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in, as a member of the organization that is looked at.

    ``places`` are all organizations the person belongs to.
    """

    user_id: UserId
    name: str
    email: str = field(repr=False)
    org_id: OrgId
    org_name: str
    role: Role
    places: tuple[Place, ...]

    @property
    def access(self) -> Access:
        """What the person may do there: all that their role allows."""
        return access(EVERY_SCOPE, Person(self.user_id, self.role))


@dataclass(frozen=True, slots=True)
class Sessions:
    """The use cases of sessions. Their text is the cookie's; only its hash is kept."""

    store: EventStore
    clock: Callable[[], datetime]

    async def begin(self, user_id: UserId, org_id: OrgId) -> str:
        """Sign a person in; returns the text for the cookie. Sessions too old are forgotten."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self.clock()
        async with self.store.pools.writing() as connection:
            await people.end_old_sessions(
                connection, user_id, created_before=now - LONGEST, idle_since=now - IDLE
            )
            await people.add_session(
                connection, _hash(token), user_id=user_id, org_id=org_id, at=now
            )
        return token

    async def find(self, token: str) -> Visitor | None:
        """Who that is; None for a session that is unknown, too old, or of a member no more."""
        hashed, now = _hash(token), self.clock()
        async with self.store.pools.reading(INSTALLATION) as connection:
            session = await people.find_session(connection, hashed)
            if session is None:
                return None
            if now >= min(session.created_at + LONGEST, session.seen_at + IDLE):
                return None
            places = await find_places(connection, session.user_id)
            found = await people.find_people(connection, [session.user_id.uuid])
        person = found.get(session.user_id)
        if person is None or not places:
            return None
        place = next((one for one in places if one.org_id == session.org_id), places[0])
        if now >= session.seen_at + TOUCH_EVERY:
            async with self.store.pools.writing() as writer:
                await people.touch_session(writer, hashed, org_id=place.org_id, at=now)
        return Visitor(
            user_id=person.user_id,
            name=person.name,
            email=person.email,
            org_id=place.org_id,
            org_name=place.org_name,
            role=place.role,
            places=tuple(places),
        )

    async def look_at(self, token: str, org_id: OrgId) -> None:
        """Look at another organization from now on; ``find`` falls back from a foreign one."""
        async with self.store.pools.writing() as connection:
            await people.touch_session(connection, _hash(token), org_id=org_id, at=self.clock())

    async def end(self, token: str) -> None:
        """Sign out."""
        async with self.store.pools.writing() as connection:
            await people.end_session(connection, _hash(token))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
