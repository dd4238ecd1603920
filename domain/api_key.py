"""An API key: issued to an organization, known by its kid, held only as a MAC.

A key has one secret at a time; after a rotation the one before it works on for its grace.
"""

import re
from datetime import datetime, timedelta
from typing import Any, Self, TypeAlias

from eventsourcing.domain import Aggregate, event

from domain import api_key_events
from domain.errors import Conflict, InvalidInput
from domain.ids import KeyId, TeamId, UserId
from domain.key_end import days_left, next_notice, notice_after, status_of
from domain.key_limit import RateLimit
from domain.key_text import KeyText, without_keys
from domain.scopes import Scope

# A change that takes ``timestamp`` is told its event's own: it reads no clock.
Moment: TypeAlias = datetime | None

NAME_MAX_CHARACTERS = 100
USUAL_GRACE_S = 24 * 3600
LONGEST_GRACE_S = 7 * 24 * 3600
# Control characters, halves of surrogates, and what breaks a line or turns the text around it; the
# joiners that emoji and many scripts need are none of them.
NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ApiKey(Aggregate):
    """A key from its issue on; the secret itself is never part of it.

    Its events carry its name, so that each can be told by itself.
    """

    TOPIC = "api-key"

    # The library and the codec of the log look for events in the aggregate that records them.
    Event = api_key_events.Event
    Created = api_key_events.Created
    Issued = api_key_events.Issued
    Adopted = api_key_events.Adopted
    Renamed = api_key_events.Renamed
    Rescoped = api_key_events.Rescoped
    Rescheduled = api_key_events.Rescheduled
    Confined = api_key_events.Confined
    Limited = api_key_events.Limited
    Expiring = api_key_events.Expiring
    Expired = api_key_events.Expired
    Rotated = api_key_events.Rotated
    Revoked = api_key_events.Revoked

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
        allowed_cidrs: tuple[str, ...] = (),
        rate_limit: RateLimit | None = None,
    ) -> Self:
        """Issue a key; raises InvalidInput for a name or a set of scopes that cannot be."""
        _require_name(name)
        _require_scopes(scopes)
        return cls._create(
            cls.Issued,
            id=key_id.uuid,
            name=name,
            environment=text.environment,
            kid=text.kid,
            mac=mac.hex(),
            pepper_id=pepper_id,
            scopes=sorted(set(scopes)),
            expires_at=_text(expires_at),
            responsible_id=None if responsible_id is None else str(responsible_id),
            team_id=None if team_id is None else str(team_id),
            allowed_cidrs=list(allowed_cidrs),
            rate_limit=None if rate_limit is None else rate_limit.as_dict(),
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
        allowed_cidrs: list[str] | None = None,
        rate_limit: dict[str, Any] | None = None,
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
        self.allowed_cidrs = allowed_cidrs or []
        self.rate_limit = RateLimit.from_dict(rate_limit)
        self.next_notice_at = next_notice(self.expires_at, after=self.created_on)
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

    def rescope(self, scopes: tuple[Scope, ...], *, at: datetime) -> None:
        """Let the key do something else; raises InvalidInput, and Conflict when it has ended."""
        _require_scopes(scopes)
        self._require_working(at, "changed")
        wanted = sorted({str(scope) for scope in scopes})
        if wanted != self.scopes:
            self._rescoped(name=self.name, scopes=wanted, former_scopes=self.scopes)

    @event(Rescoped)
    def _rescoped(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        scopes: list[str],
        former_scopes: list[str],  # noqa: ARG002 - the same
    ) -> None:
        self.scopes = scopes

    def reschedule(self, expires_at: Moment, *, at: datetime) -> None:
        """Let the key end at another time, None for never; raises as ``rescope`` does."""
        require_future(expires_at, at)
        self._require_working(at, "changed")
        if expires_at != self.expires_at:
            self._rescheduled(
                name=self.name,
                expires_at=_text(expires_at),
                former_expires_at=_text(self.expires_at),
            )

    @event(Rescheduled)
    def _rescheduled(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        expires_at: str | None,
        former_expires_at: str | None,  # noqa: ARG002 - the same
        timestamp: Moment = None,
    ) -> None:
        self.expires_at = None if expires_at is None else _moment(expires_at)
        self.next_notice_at = next_notice(self.expires_at, after=timestamp or self.created_on)

    def confine(self, allowed_cidrs: tuple[str, ...], *, at: datetime) -> None:
        """Let the key work from these networks only, from everywhere where there are none.

        Raises Conflict when it has ended.
        """
        self._require_working(at, "changed")
        if list(allowed_cidrs) != self.allowed_cidrs:
            self._confined(
                name=self.name,
                allowed_cidrs=list(allowed_cidrs),
                former_allowed_cidrs=self.allowed_cidrs,
            )

    @event(Confined)
    def _confined(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        allowed_cidrs: list[str],
        former_allowed_cidrs: list[str],  # noqa: ARG002 - the same
    ) -> None:
        self.allowed_cidrs = allowed_cidrs

    def limit(self, rate_limit: RateLimit | None, *, at: datetime) -> None:
        """Let the key be used that often; raises Conflict when it has ended."""
        self._require_working(at, "changed")
        if rate_limit != self.rate_limit:
            self._limited(
                name=self.name,
                rate_limit=None if rate_limit is None else rate_limit.as_dict(),
                former_rate_limit=None if self.rate_limit is None else self.rate_limit.as_dict(),
            )

    @event(Limited)
    def _limited(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        rate_limit: dict[str, Any] | None,
        former_rate_limit: dict[str, Any] | None,  # noqa: ARG002 - the same
    ) -> None:
        self.rate_limit = RateLimit.from_dict(rate_limit)

    def announce_end(self, at: datetime) -> None:
        """Tell of the key's end where that is due; each notice is told once."""
        if self.expires_at is None or self.next_notice_at is None or self.next_notice_at > at:
            return
        ends = self.expires_at.isoformat()
        if self.expires_at <= at:
            self._expired(name=self.name, expires_at=ends)
        else:
            left = days_left(self.expires_at, at)
            self._expiring(name=self.name, days_left=left, expires_at=ends)

    @event(Expiring)
    def _expiring(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        days_left: int,
        expires_at: str,
    ) -> None:
        self.next_notice_at = notice_after(_moment(expires_at), days_left)

    @event(Expired)
    def _expired(self, name: str, expires_at: str) -> None:  # noqa: ARG002 - for its readers
        self.next_notice_at = None

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

    def revoke(
        self, reason: str | None, *, source: str | None = None, address: str | None = None
    ) -> None:
        """End the key, all its secrets with it; raises Conflict when it was revoked before.

        ``source`` and ``address`` tell of one that was reported as leaked. A key in the words of a
        person is not recorded.
        """
        if self.revoked_at is not None:
            raise Conflict(
                "already_terminal",
                "The key was revoked before.",
                fix="Read the key to see when, and why.",
            )
        self._revoked(
            name=self.name,
            reason=without_keys(reason),
            source=without_keys(source),
            address=address,
        )

    @event(Revoked)
    def _revoked(
        self,
        name: str,  # noqa: ARG002 - for whoever reads the log
        reason: str | None,
        source: str | None = None,  # noqa: ARG002 - the same
        address: str | None = None,  # noqa: ARG002 - the same
        timestamp: Moment = None,
    ) -> None:
        self.next_notice_at = None
        self.revoked_at = timestamp
        self.revoked_reason = reason


def require_future(expires_at: Moment, at: datetime) -> None:
    """Raise InvalidInput for an end that is not after that time."""
    if expires_at is not None and expires_at <= at:
        raise InvalidInput(
            "invalid_parameter",
            "expiresAt must lie in the future.",
            param="expiresAt",
            fix="Leave it out for a year from now.",
        )


def _text(moment: Moment) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _require_scopes(scopes: tuple[Scope, ...]) -> None:
    if not scopes:
        raise InvalidInput(
            "invalid_parameter",
            "A key holds at least one scope.",
            param="scopes",
            fix="Choose the scopes that the program needs.",
        )


def _require_name(name: str) -> None:
    if without_keys(name) != name:
        raise InvalidInput(
            "invalid_parameter",
            "A key's name holds no key: everybody may read it.",
            param="name",
            fix="Name the key after the program that will use it, and rotate the one in the name.",
        )
    if not 1 <= len(name) <= NAME_MAX_CHARACTERS or not name.strip() or NOT_SHOWN.search(name):
        raise InvalidInput(
            "invalid_parameter",
            f"A key's name has 1 to {NAME_MAX_CHARACTERS} characters that can be shown.",
            param="name",
            fix="Name the key after the program that will use it.",
        )
