"""People: invited by a link, registered with a password, signed in by it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import InviteId, OrgId, RequestId, UserId
from domain.invite import Invite
from domain.membership import Membership
from domain.organization import Organization
from domain.recorded import Actor, Context
from domain.roles import Role
from domain.user import INSTALLATION, User
from packshot.commands.passwords import hash_password, is_password
from packshot.store import people
from packshot.store.claims import Taken
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.people import Link, Person
from projections.memberships import find_places

LINK_LIFE = timedelta(days=7)
LINK_BYTES = 24
NAME_MAX_CHARACTERS = 100
EMAIL_MAX_CHARACTERS = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets


@dataclass(frozen=True, slots=True)
class Invited:
    """An invite that was sent; ``secret`` ends its link, and is known only here and now."""

    invite_id: InviteId
    secret: str = field(repr=False)
    expires_at: datetime
    head: LogHead


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an open link invites to."""

    org_id: OrgId
    org_name: str
    role: Role
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """A person who came by a link."""

    user_id: UserId
    org_id: OrgId


@dataclass(frozen=True, slots=True)
class People:
    """The use cases of people."""

    store: EventStore
    clock: Callable[[], datetime]

    async def invite(self, context: Context, role: Role) -> Invited:
        """Invite somebody to an organization by a link that works once, for seven days."""
        invite_id, secret = InviteId.new(), secrets.token_urlsafe(LINK_BYTES)
        expires_at = self.clock() + LINK_LIFE
        invite = Invite.send(invite_id, role=role, expires_at=expires_at)
        async with self.store.together() as unit:
            link = Link(context.org_id, invite_id, expires_at)
            await people.add_link(await unit.connection(), _hash(secret), link)
            head = await self.store.save(context, invite)
        return Invited(invite_id, secret, expires_at, head)

    async def find_invitation(self, secret: str) -> Invitation:
        """What a link invites to; raises NotFound when it was used, withdrawn, or is too old."""
        link = await self._find_link(secret)
        invite = await self.store.load(Invite, org_id=link.org_id, stream_id=link.invite_id.uuid)
        organization = await self.store.load(
            Organization, org_id=link.org_id, stream_id=link.org_id.uuid
        )
        return Invitation(link.org_id, organization.name, invite.role, link.expires_at)

    async def join(self, secret: str, *, email: str, name: str, password: str) -> Joined:
        """Register a new person and take them in.

        Raises InvalidInput for what cannot be a name, an address or a password, Conflict when
        the address has an account already, and NotFound for a link that does not work any more.
        """
        link = await self._find_link(secret)
        user_id = UserId.new()
        person = Person(user_id, _email(email), _name(name), await hash_password(password))
        user = User.register(user_id)
        user.set_password()
        async with self.store.together() as unit:
            connection = await unit.connection()
            try:
                await people.add_person(connection, person, at=self.clock())
            except Taken:
                raise Conflict(
                    "version_conflict",
                    "There is an account with this address already.",
                    param="email",
                    fix="Sign in with it first, then open the link again.",
                ) from None
            await self.store.open_installation(connection)
            await self.store.save(self._of(user_id, INSTALLATION), user)
            await self._let_in(user_id, secret, link)
        return Joined(user_id, link.org_id)

    async def join_as(self, user_id: UserId, secret: str) -> Joined:
        """Take in a person who has an account; raises NotFound as ``join`` does."""
        link = await self._find_link(secret)
        async with self.store.together():
            await self._let_in(user_id, secret, link)
        return Joined(user_id, link.org_id)

    async def sign_in(self, *, email: str, password: str) -> Joined | None:
        """The person and the first organization they belong to; None when either is wrong.

        An unknown address takes as long as a wrong password.
        """
        async with self.store.pools.reading(INSTALLATION) as connection:
            person = await people.find_person(connection, email.strip().lower())
        known = None if person is None else person.password_hash
        if not await is_password(password, known) or person is None:
            return None
        async with self.store.pools.reading(INSTALLATION) as connection:
            places = await find_places(connection, person.user_id)
        return Joined(person.user_id, places[0].org_id) if places else None

    async def _find_link(self, secret: str) -> Link:
        async with self.store.pools.reading(INSTALLATION) as connection:
            link = await people.find_link(connection, _hash(secret))
        if link is None or self.clock() >= link.expires_at:
            raise _no_such_link()
        return link

    async def _let_in(self, user_id: UserId, secret: str, link: Link) -> None:
        """Accept the invite and begin the membership, in the unit of work that is open."""
        async with self.store.together() as unit:
            if not await people.use_link(await unit.connection(), _hash(secret)):
                raise _no_such_link()
            invite = await self.store.load(
                Invite, org_id=link.org_id, stream_id=link.invite_id.uuid
            )
            invite.accept(user_id, at=self.clock())
            membership = await self._membership(link.org_id, user_id, invite.role)
            await self.store.save(self._of(user_id, link.org_id), invite, membership)

    async def _membership(self, org_id: OrgId, user_id: UserId, role: Role) -> Membership:
        """The person's membership with that role: a new one, or the one they had."""
        stream_id = Membership.id_of(org_id, user_id).uuid
        try:
            membership = await self.store.load(Membership, org_id=org_id, stream_id=stream_id)
        except NotFound:
            return Membership.begin(org_id, user_id, role)
        membership.change_role(role)
        return membership

    def _of(self, user_id: UserId, org_id: OrgId) -> Context:
        request_id = str(RequestId.new())
        return Context(org_id, Actor("user", str(user_id)), request_id, correlation_id=request_id)


def _email(text: str) -> str:
    """The address as it is compared: that it works is found out by writing to it."""
    email = text.strip().lower()
    local, at, host = email.rpartition("@")
    if not (at and local and host and email.isprintable()) or len(email) > EMAIL_MAX_CHARACTERS:
        raise InvalidInput(
            "invalid_parameter",
            "This is not an e-mail address.",
            param="email",
            fix="Write it as name@example.com.",
        )
    return email


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= NAME_MAX_CHARACTERS or not name.isprintable():
        raise InvalidInput(
            "invalid_parameter",
            f"A name has 1 to {NAME_MAX_CHARACTERS} printable characters.",
            param="name",
            fix="Write the name that your colleagues know you by.",
        )
    return name


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _no_such_link() -> NotFound:
    return NotFound(
        "not_found",
        "This link does not work: it was used, withdrawn, or is too old.",
        fix="Ask whoever sent it for a new one.",
    )
