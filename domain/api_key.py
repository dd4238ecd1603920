"""An API key: issued to an organization, known by its kid, held only as a MAC.

A key has one secret at a time; after a rotation the one before it works on for its grace.
"""

import re
from datetime import datetime, timedelta
from typing import Literal, Self, TypeAlias

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict, InvalidInput
from domain.ids import KeyId, TeamId, UserId
from domain.key_text import KeyText
from domain.scopes import Scope

# A change that takes ``timestamp`` is told its event's own: it reads no clock.
Moment: TypeAlias = datetime | None
Status = Literal["active", "expiring", "rotating", "expired", "revoked"]

NAME_MAX_CHARACTERS = 100
USUAL_GRACE_S = 24 * 3600
LONGEST_GRACE_S = 7 * 24 * 3600
# From so long before its end a key's status warns of it.
EXPIRING_WITHIN = timedelta(days=14)
# Control characters, halves of surrogates, and what breaks a line or turns the text around it; the
# joiners that emoji and many scripts need are none of them.
NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ApiKey(Aggregate):
    """A key from its issue on; the secret itself is never part of it.

    Its events carry its name, so that each can be told by itself.
    """

    TOPIC = "api-key"

    class Event(Aggregate.Event):
        """Something that happened to a key."""

        TOPIC = "api-key.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "api-key.created.v1"

    class Issued(Created):
        """The key was issued; ``mac`` is HMAC-SHA-256 of its text with that pepper, in hex.

        ``expires_at`` is ISO 8601; None for a key without an end. ``responsible_id`` is the person
        who answers for it, None for a key of the organization's own; events from before it was
        recorded lack it. ``team_id`` is None for a key of the whole organization.
        """

        TOPIC = "api-key.issued.v1"
        name: str
        environment: str
        kid: str
        mac: str
        pepper_id: int
        scopes: list[str]
        expires_at: str | None = None
        responsible_id: str | None = None
        team_id: str | None = None

    class Adopted(Event):
        """Another person answers for the key from now on."""

        TOPIC = "api-key.adopted.v1"
        name: str
        responsible_id: str

    class Renamed(Event):
        """The key is called something else."""

        TOPIC = "api-key.renamed.v1"
        name: str
        former_name: str

    class Rotated(Event):
        """The key has a new secret; every one before it works until ``former_until`` at most."""

        TOPIC = "api-key.rotated.v1"
        name: str
        kid: str
        mac: str
        pepper_id: int
        former_until: str

    class Revoked(Event):
        """The key works no more."""

        TOPIC = "api-key.revoked.v1"
        name: str
        reason: str | None

    @classmethod
    def issue(  # noqa: PLR0913 - the event's own words
        cls,
        key_id: KeyId,
        *,
        name: str,
        text: KeyText,
        mac: bytes,
        pepper_id: int,
        scopes: tuple[Scope, ...],
        expires_at: datetime | None = None,
        responsible_id: UserId | None = None,
        team_id: TeamId | None = None,
    ) -> Self:
        """Issue a key; raises InvalidInput for a name or a set of scopes that cannot be."""
        _require_name(name)
        if not scopes:
            raise InvalidInput(
                "invalid_parameter",
                "A key holds at least one scope.",
                param="scopes",
                fix="Choose the scopes that the program needs.",
            )
        return cls._create(
            cls.Issued,
            id=key_id.uuid,
            name=name,
            environment=text.environment,
            kid=text.kid,
            mac=mac.hex(),
            pepper_id=pepper_id,
            scopes=sorted(set(scopes)),
            expires_at=None if expires_at is None else expires_at.isoformat(),
            responsible_id=None if responsible_id is None else str(responsible_id),
            team_id=None if team_id is None else str(team_id),
        )

    @event(Issued)
    def __init__(  # noqa: PLR0913 - the library calls it with the fields of the event
        self,
        *,
        name: str,
        environment: str,
        kid: str,
        mac: str,
        pepper_id: int,
        scopes: list[str],
        expires_at: str | None = None,
        responsible_id: str | None = None,
        team_id: str | None = None,
    ) -> None:
        self.name = name
        self.environment = environment
        self.kid = kid
        self.mac = mac
        self.pepper_id = pepper_id
        self.scopes = scopes
        self.expires_at: Moment = None if expires_at is None else _moment(expires_at)
        self.responsible_id = None if responsible_id is None else UserId.parse(responsible_id)
        self.team_id = None if team_id is None else TeamId.parse(team_id)
        self.former_until: Moment = None
        self.revoked_at: Moment = None
        self.revoked_reason: str | None = None

    def adopt(self, by: UserId, *, at: datetime) -> None:
        """Let that person answer for the key; raises Conflict when it has ended.

        Whether anybody answers for it already, and who may, is not in the key's own story.
        """
        self._require_working(at, "adopted")
        self._adopted(name=self.name, responsible_id=str(by))

    @event(Adopted)
    def _adopted(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        responsible_id: str,
    ) -> None:
        self.responsible_id = UserId.parse(responsible_id)

    def rename(self, name: str) -> None:
        """Call the key something else; raises InvalidInput for a name that cannot be."""
        _require_name(name)
        self._renamed(name=name, former_name=self.name)

    @event(Renamed)
    def _renamed(
        self,
        name: str,
        former_name: str,  # noqa: ARG002 - for whoever reads the log
    ) -> None:
        self.name = name

    def rotate(
        self, text: KeyText, *, mac: bytes, pepper_id: int, grace_s: int, at: datetime
    ) -> None:
        """Give the key a new secret, of the same environment, at that time.

        The secrets before it work for ``grace_s`` more seconds at most, 0 for not at all. Raises
        Conflict when the key was revoked or has expired.
        """
        self._require_working(at, "rotated")
        self._rotated(
            name=self.name,
            kid=text.kid,
            mac=mac.hex(),
            pepper_id=pepper_id,
            former_until=(at + timedelta(seconds=grace_s)).isoformat(),
        )

    @event(Rotated)
    def _rotated(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        kid: str,
        mac: str,
        pepper_id: int,
        former_until: str,
    ) -> None:
        self.kid = kid
        self.mac = mac
        self.pepper_id = pepper_id
        self.former_until = _moment(former_until)

    def _require_working(self, at: datetime, wish: str) -> None:
        standing = status_of(at, expires_at=self.expires_at, revoked_at=self.revoked_at)
        if standing in {"revoked", "expired"}:
            raise Conflict(
                "already_terminal",
                f"A key that {'was revoked' if standing == 'revoked' else 'has expired'} "
                f"cannot be {wish}.",
                fix="Create a new key.",
            )

    def revoke(self, reason: str | None) -> None:
        """End the key, all its secrets with it; raises Conflict when it was revoked before."""
        if self.revoked_at is not None:
            raise Conflict(
                "already_terminal",
                "The key was revoked before.",
                fix="Read the key to see when, and why.",
            )
        self._revoked(name=self.name, reason=reason)

    @event(Revoked)
    def _revoked(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        reason: str | None,
        timestamp: Moment = None,
    ) -> None:
        self.revoked_at = timestamp
        self.revoked_reason = reason


def status_of(
    at: datetime, *, expires_at: Moment, revoked_at: Moment, former_until: Moment = None
) -> Status:
    """What is to be said of a key at that time, the gravest first."""
    if revoked_at is not None:
        return "revoked"
    if expires_at is not None and expires_at <= at:
        return "expired"
    if former_until is not None and former_until > at:
        return "rotating"
    if expires_at is not None and expires_at <= at + EXPIRING_WITHIN:
        return "expiring"
    return "active"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _require_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_MAX_CHARACTERS or not name.strip() or NOT_SHOWN.search(name):
        raise InvalidInput(
            "invalid_parameter",
            f"A key's name has 1 to {NAME_MAX_CHARACTERS} characters that can be shown.",
            param="name",
            fix="Name the key after the program that will use it.",
        )
