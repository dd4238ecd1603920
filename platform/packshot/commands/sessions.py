"""Sessions: who is signed in, and for which organization they look at the pages."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from domain.access import Access, Person, access
from domain.errors import NotFound
from domain.ids import OrgId, SessionId, UserId
from domain.roles import Role
from domain.scopes import EVERY_SCOPE
from domain.user import INSTALLATION
from packshot.store import people
from packshot.store import sessions as rows
from packshot.store.events import EventStore
from projections.memberships import Place, find_places
from projections.organizations import Standing

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=1)
TOKEN_BYTES = 32
# TRUST: who wants to hand out rights has proved who they are within the last ten minutes.
PROOF_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Device:
    """From where a person signs in, in the few words that let them know it again."""

    browser: str = field(default="", repr=False)
    address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in, as a member of the organization that is looked at.

    ``standing`` is that organization's. ``places`` are all organizations the person belongs to;
    ``has_other_rights`` says that role or organization are not those of the session's last look, so
    that it needs a new text.
    """

    session_id: SessionId
    user_id: UserId
    name: str
    email: str = field(repr=False)
    org_id: OrgId
    org_name: str
    role: Role
    standing: Standing
    places: tuple[Place, ...]
    proven_at: datetime
    has_other_rights: bool

    @property
    def access(self) -> Access:
        """What the person may do there: all that their role allows."""
        return access(EVERY_SCOPE, Person(self.user_id, self.role))


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as its person sees it."""

    session_id: SessionId
    began_at: datetime
    seen_at: datetime
    browser: str = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The use cases of sessions. Their text is the cookie's; only its hash is kept."""

    store: EventStore
    clock: Callable[[], datetime]

    async def begin(self, user_id: UserId, org_id: OrgId, device: Device | None = None) -> str:
        """Sign a person in; returns the text for the cookie. Sessions too old are forgotten."""
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self.clock()
        device = device or Device()
        async with self.store.pools.reading(INSTALLATION) as reader:
            places = await find_places(reader, user_id)
        session = rows.Session(
            session_id=SessionId.new(),
            user_id=user_id,
            org_id=org_id,
            role=next((str(place.role) for place in places if place.org_id == org_id), None),
            created_at=now,
            seen_at=now,
            proven_at=now,
            browser=device.browser,
            address=device.address,
        )
        async with self.store.pools.writing() as connection:
            await rows.end_old_sessions(
                connection, user_id, created_before=now - LONGEST, idle_since=now - IDLE
            )
            await rows.add_session(connection, _hash(token), session)
        return token

    async def find(self, token: str) -> Visitor | None:
        """Who that is; None for a session that is unknown or too old.

        Nor is anybody told for a person who was disabled, or belongs to no organization any more.
        """
        hashed, now = _hash(token), self.clock()
        async with self.store.pools.reading(INSTALLATION) as connection:
            session = await rows.find_session(connection, hashed)
            if session is None:
                return None
            if now >= min(session.created_at + LONGEST, session.seen_at + IDLE):
                return None
            places = await find_places(connection, session.user_id)
            found = await people.find_people(connection, [session.user_id.uuid])
        person = found.get(session.user_id)
        if person is None or person.disabled_at is not None or not places:
            return None
        place = next((one for one in places if one.org_id == session.org_id), places[0])
        if now >= session.seen_at + TOUCH_EVERY:
            async with self.store.pools.writing() as writer:
                await rows.touch_session(writer, hashed, at=now)
        return _visitor(session, person, place, tuple(places))

    async def rotate(self, token: str, visitor: Visitor) -> str | None:
        """Give the session another text, for the rights it has today.

        Returns it, or None where somebody was quicker.
        """
        fresh = secrets.token_urlsafe(TOKEN_BYTES)
        async with self.store.pools.writing() as connection:
            is_done = await rows.rotate_session(
                connection,
                _hash(token),
                to=_hash(fresh),
                org_id=visitor.org_id,
                role=str(visitor.role),
            )
        return fresh if is_done else None

    def is_proven(self, visitor: Visitor) -> bool:
        """Whether the person proved who they are a short while ago."""
        return self.clock() < visitor.proven_at + PROOF_LIFE

    async def prove(self, token: str) -> None:
        """Note that the person has just proved who they are."""
        async with self.store.pools.writing() as connection:
            await rows.prove_session(connection, _hash(token), at=self.clock())

    async def of(self, user_id: UserId) -> list[ListedSession]:
        """A person's sessions, the last used first."""
        now = self.clock()
        async with self.store.pools.reading(INSTALLATION) as connection:
            found = await rows.list_sessions(
                connection, user_id, created_after=now - LONGEST, seen_after=now - IDLE
            )
        return [
            ListedSession(one.session_id, one.created_at, one.seen_at, one.browser, one.address)
            for one in found
        ]

    async def look_at(self, token: str, visitor: Visitor, org_id: OrgId) -> str | None:
        """Look at another of the visitor's organizations from now on.

        Returns the session's new text, or None where somebody was quicker.
        """
        role = next(str(place.role) for place in visitor.places if place.org_id == org_id)
        fresh = secrets.token_urlsafe(TOKEN_BYTES)
        async with self.store.pools.writing() as connection:
            is_done = await rows.rotate_session(
                connection, _hash(token), to=_hash(fresh), org_id=org_id, role=role
            )
        return fresh if is_done else None

    async def end(self, token: str) -> None:
        """Sign out."""
        async with self.store.pools.writing() as connection:
            await rows.end_session(connection, _hash(token))

    async def end_one(self, user_id: UserId, session_id: SessionId) -> None:
        """End one of a person's own sessions; raises NotFound for any other."""
        async with self.store.pools.writing() as connection:
            if not await rows.end_session_of(connection, user_id, session_id=session_id):
                raise no_such_session()

    async def end_others(self, visitor: Visitor) -> int:
        """End a person's sessions but for the one they are using; returns how many."""
        async with self.store.pools.writing() as connection:
            return await rows.end_sessions_of(connection, visitor.user_id, but=visitor.session_id)


def no_such_session() -> NotFound:
    """The refusal of an id that is none of one's own sessions'."""
    return NotFound(
        "not_found", "You have no such session.", fix="Look at the list of sessions again."
    )


def _visitor(
    session: rows.Session, person: people.Person, place: Place, places: tuple[Place, ...]
) -> Visitor:
    return Visitor(
        session_id=session.session_id,
        user_id=person.user_id,
        name=person.name,
        email=person.email,
        org_id=place.org_id,
        org_name=place.org_name,
        role=place.role,
        standing=place.standing,
        places=places,
        proven_at=session.proven_at,
        has_other_rights=(place.org_id, str(place.role)) != (session.org_id, session.role),
    )


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
