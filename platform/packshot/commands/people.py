"""People: invited by a link, registered with a password, signed in by it."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from domain.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from domain.ids import InviteId, OrgId, RequestId, UserId
from domain.invite import Invite
from domain.membership import Membership
from domain.organization import Organization
from domain.recorded import Actor, Context
from domain.roles import Role
from domain.user import INSTALLATION, User
from packshot.commands.passwords import hash_password, is_password, require_password
from packshot.store import people
from packshot.store.claims import Taken
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.identities import Linked, add_identity
from packshot.store.people import Link, Person
from projections.memberships import find_places

LINK_LIFE = timedelta(days=7)
LINK_BYTES = 24
NAME_MAX_CHARACTERS = 100
EMAIL_MAX_CHARACTERS = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
# Of what does not print, names need these two: scripts of Persian and India, and many emoji. What
# turns the direction of the text around a name stays out.
JOINERS = "\u200c\u200d"


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
class Newcomer:
    """Who wants to join, as checked; ``email`` as it is compared."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def read(cls, *, email: str, name: str, password: str) -> "Newcomer":
        """Check what a person wrote; raises InvalidInput, and never shows the password."""
        newcomer = cls(_name(name), _email(email), password)
        require_password(password)
        return newcomer


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
        link = await self._find_link(_hash(secret))
        invite = await self.store.load(Invite, org_id=link.org_id, stream_id=link.invite_id.uuid)
        if invite.status != "open":
            raise no_such_link()
        organization = await self.store.load(
            Organization, org_id=link.org_id, stream_id=link.org_id.uuid
        )
        return Invitation(link.org_id, organization.name, invite.role, link.expires_at)

    async def join(self, secret: str, *, email: str, name: str, password: str) -> Joined:
        """Take in a new person, or one whose account with that address has that password.

        Raises InvalidInput for what cannot be a name, an address or a password, Unauthenticated
        for an address whose account has another password, Conflict (already_member), and NotFound
        for a link that does not work any more.
        """
        link_hash = _hash(secret)
        link = await self._find_link(link_hash)
        newcomer = Newcomer.read(email=email, name=name, password=password)
        known = await self._find_person(newcomer.email)
        if known is None:
            return Joined(await self._register(newcomer, link_hash, link), link.org_id)
        if not await is_password(password, known.password_hash) or known.disabled_at is not None:
            raise wrong_password()
        await self._let_in(known.user_id, link_hash, link)
        return Joined(known.user_id, link.org_id)

    async def join_as(self, user_id: UserId, secret: str) -> Joined:
        """Take in a person who is signed in; raises Conflict and NotFound as ``join`` does."""
        return await self.join_by(_hash(secret), user_id)

    async def join_by(self, link_hash: bytes, user_id: UserId) -> Joined:
        """Take in a person who is known, by the link of that hash; raises as ``join_as`` does."""
        link = await self._find_link(link_hash)
        await self._let_in(user_id, link_hash, link)
        return Joined(user_id, link.org_id)

    async def join_anew(
        self, link_hash: bytes, *, email: str, name: str, identity: Linked
    ) -> Joined:
        """Take in a new person who signs in by that identity and has no password.

        Raises InvalidInput, NotFound, and Conflict (already_connected) for an address that has an
        account: who it belongs to signs in there and links the identity.
        """
        newcomer = Newcomer(_name(name), _email(email), password="")
        link = await self._find_link(link_hash)
        if await self._find_person(newcomer.email) is not None:
            raise _address_is_taken()
        user_id = await self._register(newcomer, link_hash, link, identity=identity)
        return Joined(user_id, link.org_id)

    async def sign_in(self, *, email: str, password: str) -> Joined | None:
        """The person and the first organization they belong to; None when either is wrong.

        An unknown address takes as long as a wrong password.
        """
        person = await self._find_person(email.strip().lower())
        known = None if person is None else person.password_hash
        if not await is_password(password, known) or person is None:
            return None
        if person.disabled_at is not None:
            return None
        async with self.store.pools.reading(INSTALLATION) as connection:
            places = await find_places(connection, person.user_id)
        return Joined(person.user_id, places[0].org_id) if places else None

    async def names_of(self, public_ids: Collection[str]) -> dict[str, str]:
        """What those people are called, by their public ids; texts that are no person's name none.

        Who asks has the ids from an organization's own log: this looks beside it, at everybody.
        """
        user_ids = [user_id.uuid for text in public_ids if (user_id := _user_id(text)) is not None]
        if not user_ids:
            return {}
        async with self.store.pools.reading(INSTALLATION) as connection:
            found = await people.find_people(connection, user_ids)
        return {str(user_id): person.name for user_id, person in found.items()}

    async def _find_person(self, email: str) -> Person | None:
        async with self.store.pools.reading(INSTALLATION) as connection:
            return await people.find_person(connection, email)

    async def _register(
        self, newcomer: Newcomer, link_hash: bytes, link: Link, *, identity: Linked | None = None
    ) -> UserId:
        """Give a new person an account and let them in, or neither."""
        user_id = UserId.new()
        password_hash = None if identity is not None else await hash_password(newcomer.password)
        person = Person(user_id, newcomer.email, newcomer.name, password_hash)
        user = User.register(user_id)
        if identity is None:
            user.set_password()
        else:
            user.link_oidc(identity.issuer)
        async with self.store.together() as unit:
            connection = await unit.connection()
            try:
                await people.add_person(connection, person, at=self.clock())
                if identity is not None:
                    await add_identity(connection, user_id, identity)
            except Taken:  # in this very moment, by somebody else
                raise wrong_password() if identity is None else _address_is_taken() from None
            await self.store.open_installation(connection)
            await self.store.save(self._of(user_id, INSTALLATION), user)
            await self._let_in(user_id, link_hash, link)
        return user_id

    async def _find_link(self, link_hash: bytes) -> Link:
        async with self.store.pools.reading(INSTALLATION) as connection:
            link = await people.find_link(connection, link_hash)
        if link is None or self.clock() >= link.expires_at:
            raise no_such_link()
        return link

    async def _let_in(self, user_id: UserId, link_hash: bytes, link: Link) -> None:
        """Accept the invite and begin the membership, whoever is first."""
        async with self.store.together() as unit:
            if not await people.use_link(await unit.connection(), link_hash):
                raise no_such_link()
            async with self.store.alone(link.org_id):
                invite = await self.store.load(
                    Invite, org_id=link.org_id, stream_id=link.invite_id.uuid
                )
                if invite.status != "open":
                    raise no_such_link()
                invite.accept(user_id, at=self.clock())
                membership = await self._membership(link.org_id, user_id, invite.role)
                await self.store.save(self._of(user_id, link.org_id), invite, membership)

    async def _membership(self, org_id: OrgId, user_id: UserId, role: Role) -> Membership:
        """The person's membership with that role: a new one, or the ended one begun again.

        Raises Conflict for who is a member: a link would change the role, a last owner's as well.
        """
        stream_id = Membership.id_of(org_id, user_id).uuid
        try:
            membership = await self.store.load(Membership, org_id=org_id, stream_id=stream_id)
        except NotFound:
            return Membership.begin(org_id, user_id, role)
        if not membership.is_ended:
            raise Conflict(
                "already_member",
                f"You belong to this organization already, as its {membership.role}.",
                fix="The link still works: pass it on to whom it was meant for.",
            )
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
    seen = "".join(letter for letter in name if letter not in JOINERS)
    if not seen or len(name) > NAME_MAX_CHARACTERS or not seen.isprintable():
        raise InvalidInput(
            "invalid_parameter",
            f"A name has 1 to {NAME_MAX_CHARACTERS} printable characters.",
            param="name",
            fix="Write the name that your colleagues know you by.",
        )
    return name


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _user_id(text: str) -> UserId | None:
    try:
        return UserId.parse(text)
    except ValueError:
        return None


def wrong_password() -> Unauthenticated:
    """The refusal of an address and a password that are no account's; never which of the two."""
    return Unauthenticated(
        "sign_in_failed",
        "The address and the password do not belong together.",
        fix="Look at both again; capitals count in the password.",
    )


def _address_is_taken() -> Conflict:
    return Conflict(
        "already_connected",
        "There is an account with this e-mail address already.",
        fix="Sign in to it with its password, and link it there, on the page Your account.",
    )


def no_such_link() -> NotFound:
    """The refusal of a link, whatever it is that ended it."""
    return NotFound(
        "not_found",
        "This link does not work: it was used, withdrawn, or is too old.",
        fix="Ask whoever sent it for a new one.",
    )
