"""Lost passwords: a link that gives a new one once, within an hour.

Whoever holds such a link owns the account, in every organization. So an owner or admin makes one
for members of theirs alone who belong nowhere else; for anybody else the person asks by mail, or
whoever runs the installation prints one.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from domain.errors import Conflict, NotFound
from domain.ids import OrgId, RequestId, UserId
from domain.membership import Membership
from domain.recorded import Actor, Context
from domain.user import INSTALLATION, User
from integrations.mail import MailServer
from packshot.commands.accounts import no_such_person, of_themselves
from packshot.commands.members import Members
from packshot.commands.passwords import hash_password
from packshot.config import InvalidSettings, Settings
from packshot.store import people
from packshot.store import resets as rows
from packshot.store import sessions as session_rows
from packshot.store.events import EventStore
from packshot.store.people import Person
from packshot.store.pool import DriverConnection
from projections.memberships import find_places

LINK_LIFE = timedelta(hours=1)
LINK_BYTES = 24
SUBJECT = "A new password for Packshot"
TEXT = """Somebody asked for a new password for your account at {origin}.

Open this link within an hour and choose one; it works once:

{link}

If it was not you, do nothing: your password stays as it is.
"""


@dataclass(frozen=True, slots=True)
class Offered:
    """A link that was made; ``secret`` is its end, known only here and now."""

    user_id: UserId
    secret: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Resets:
    """The use cases of lost passwords. ``mail`` is None where the installation has no server."""

    store: EventStore
    members: Members
    clock: Callable[[], datetime]
    public_url: str
    mail: MailServer | None

    async def offer(self, context: Context, user_id: UserId) -> Offered:
        """Make a link for a member; raises NotFound, Forbidden, and Conflict (belongs_elsewhere).

        Recorded in the organization's log: who made one for whom.
        """
        async with self.store.together() as unit:
            connection = await unit.connection()
            offered = self._new(user_id)
            await self._keep(connection, offered, org_id=context.org_id)
            async with self.store.alone(context.org_id):
                await self.members.require_may_decide_about(context, user_id)
                await self._require_nowhere_else(user_id, context.org_id)
                stream_id = Membership.id_of(context.org_id, user_id).uuid
                await self.store.change(
                    context, Membership, stream_id=stream_id, verb=Membership.offer_password_reset
                )
        return offered

    async def offer_to(self, email: str, *, actor_id: str) -> Offered:
        """Make a link for who runs the installation; raises NotFound."""
        person = await self._known(email)
        if person is None:
            raise no_such_person()
        request_id = f"{actor_id}:{RequestId.new()}"
        actor = Actor("system", actor_id)
        context = Context(INSTALLATION, actor, request_id, correlation_id=request_id)
        offered = self._new(person.user_id)
        async with self.store.together() as unit:
            await self._keep(await unit.connection(), offered, org_id=None)
            await self.store.change(
                context, User, stream_id=person.user_id.uuid, verb=User.offer_password_reset
            )
        return offered

    async def send(self, email: str) -> None:
        """Mail a link to the person of that address, where there is one who may sign in.

        Nobody waits for it, so nobody learns which it was. Raises MailFailed.
        """
        person = await self._known(email)
        if self.mail is None or person is None or person.disabled_at is not None:
            return
        offered = self._new(person.user_id)
        async with self.store.pools.writing() as connection, connection.transaction():
            await self._keep(connection, offered, org_id=None)
        link = f"{self.public_url}/reset/{offered.secret}"
        text = TEXT.format(origin=self.public_url, link=link)
        await self.mail.send(person.email, subject=SUBJECT, text=text)

    async def find(self, secret: str) -> Person:
        """Whose password a link gives anew; raises NotFound for one that does not work any more."""
        return (await self._find(secret))[1]

    async def use(self, secret: str, password: str) -> None:
        """Give the person that password, and end every session and link of theirs.

        Raises InvalidInput for what cannot be a password, NotFound as ``find`` does.
        """
        password_hash = await hash_password(password)
        _, person = await self._find(secret)
        async with self.store.together() as unit:
            connection = await unit.connection()
            if not await rows.use_reset(connection, _hash(secret)):
                raise no_such_reset()
            await people.set_password(connection, person.user_id, password_hash)
            await session_rows.end_sessions_of(connection, person.user_id)
            await rows.forget_resets_of(connection, person.user_id)
            await self.store.change(
                of_themselves(person.user_id),
                User,
                stream_id=person.user_id.uuid,
                verb=User.reset_password,
            )

    async def _find(self, secret: str) -> tuple[rows.ResetLink, Person]:
        async with self.store.pools.reading(INSTALLATION) as connection:
            link = await rows.find_reset(connection, _hash(secret))
            if link is None or self.clock() >= link.expires_at:
                raise no_such_reset()
            found = await people.find_people(connection, [link.user_id.uuid])
        person = found.get(link.user_id)
        if person is None or person.disabled_at is not None:
            raise no_such_reset()
        if link.org_id is not None:
            await self._require_still_theirs(link.user_id, link.org_id)
        return link, person

    async def _require_still_theirs(self, user_id: UserId, org_id: OrgId) -> None:
        """A member who went on to another organization meanwhile is the first one's no more."""
        try:
            await self._require_nowhere_else(user_id, org_id)
        except Conflict:
            raise no_such_reset() from None

    async def _require_nowhere_else(self, user_id: UserId, org_id: OrgId) -> None:
        async with self.store.pools.reading(INSTALLATION) as connection:
            places = await find_places(connection, user_id)
        if {place.org_id for place in places} != {org_id}:
            raise _belongs_elsewhere()

    async def _known(self, email: str) -> Person | None:
        async with self.store.pools.reading(INSTALLATION) as connection:
            return await people.find_person(connection, email.strip().lower())

    def _new(self, user_id: UserId) -> Offered:
        return Offered(user_id, secrets.token_urlsafe(LINK_BYTES), self.clock() + LINK_LIFE)

    async def _keep(
        self, connection: DriverConnection, offered: Offered, *, org_id: OrgId | None
    ) -> None:
        await rows.forget_old_resets(connection, expired_by=self.clock())
        link = rows.ResetLink(offered.user_id, org_id, offered.expires_at)
        await rows.add_reset(connection, _hash(offered.secret), link)


def mail_server_of(settings: Settings) -> MailServer | None:
    """The mail server that the settings name, or None; raises InvalidSettings."""
    if settings.smtp_url is None:
        return None
    try:
        return MailServer.read(settings.smtp_url, sender=settings.smtp_from)
    except ValueError as mistake:
        raise InvalidSettings(f"PACKSHOT_SMTP_URL {mistake}") from None


def no_such_reset() -> NotFound:
    """The refusal of a link, whatever it is that ended it."""
    return NotFound(
        "not_found",
        "This link does not work: it was used, or is older than an hour.",
        fix="Ask for a new one.",
    )


def _belongs_elsewhere() -> Conflict:
    return Conflict(
        "belongs_elsewhere",
        "This person belongs to other organizations too, so this one cannot reset their password.",
        fix="They ask by mail, where it is set up; else whoever runs the installation prints a "
        "link: packshot person reset EMAIL.",
    )


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
