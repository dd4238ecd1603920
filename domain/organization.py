"""An organization: the tenant that owns keys, jobs and outputs."""

from datetime import datetime, timedelta
from typing import Any, Literal, Self, TypeAlias

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict, InvalidInput
from domain.ids import OrgId
from domain.org_limits import OrgLimits

# A change that takes ``timestamp`` is told its event's own: it reads no clock.
Moment: TypeAlias = datetime | None

Status: TypeAlias = Literal["active", "suspended", "closed"]

NAME_MAX_CHARACTERS = 200
REASON_MAX_CHARACTERS = 500
# For so long a closed organization can be opened again; after it, never.
CLOSING_GRACE = timedelta(days=30)
# After a rotation webhooks are signed with the secret before it too, so that receivers change
# theirs in peace. Rotating all the time must not make a header that servers refuse.
WEBHOOK_SECRET_OVERLAP = timedelta(hours=24)
MOST_WEBHOOK_SECRETS = 5


class Organization(Aggregate):
    """An organization from its creation on."""

    TOPIC = "organization"

    class Event(Aggregate.Event):
        """Something that happened to an organization."""

        TOPIC = "organization.event"

    class Created(Event, Aggregate.Created):
        """The organization came to be."""

        TOPIC = "organization.created.v1"
        name: str

    class WebhookSecretRotated(Event):
        """Webhooks are signed with a new secret; the version is all that is derived from."""

        TOPIC = "organization.webhook-secret-rotated.v1"
        version: int

    class Renamed(Event):
        """The organization has another name."""

        TOPIC = "organization.renamed.v1"
        name: str
        former_name: str

    class Suspended(Event):
        """Its keys and pages are shut, until it is resumed; what was begun is finished."""

        TOPIC = "organization.suspended.v1"
        reason: str

    class Resumed(Event):
        """Its keys and pages work again."""

        TOPIC = "organization.resumed.v1"

    class Limited(Event):
        """It may do that much; all numbers are there, also those that stay."""

        TOPIC = "organization.limited.v1"
        limits: dict[str, Any]

    class Closed(Event):
        """It is over, for ever once ``final_at`` (ISO 8601) has come."""

        TOPIC = "organization.closed.v1"
        final_at: str

    class Reopened(Event):
        """It goes on, as it was before it was closed."""

        TOPIC = "organization.reopened.v1"

    @classmethod
    def create(cls, org_id: OrgId, *, name: str) -> Self:
        """Create an organization; raises InvalidInput for an empty or endless name."""
        return cls._create(cls.Created, id=org_id.uuid, name=_checked_name(name))

    @event(Created)
    def __init__(self, *, name: str) -> None:
        self.name = name
        self.webhook_secret_rotations: list[Moment] = []
        self.suspended_for: str | None = None
        self.final_at: str | None = None
        self.limits = OrgLimits()

    @property
    def status(self) -> Status:
        """How it stands; one that is closed was perhaps suspended before."""
        if self.final_at is not None:
            return "closed"
        return "active" if self.suspended_for is None else "suspended"

    def rename(self, name: str) -> None:
        """Call it something else; the same name again changes nothing. Raises InvalidInput."""
        name = _checked_name(name)
        self._expect_open()
        if name != self.name:
            self._renamed(name=name, former_name=self.name)

    @event(Renamed)
    def _renamed(self, name: str, former_name: str) -> None:  # noqa: ARG002 - for who reads it
        self.name = name

    def suspend(self, reason: str) -> None:
        """Shut it; raises InvalidInput for no reason, Conflict when it is not active."""
        reason = _checked_reason(reason)
        self._expect_open()
        if self.suspended_for is not None:
            raise Conflict(
                "already_terminal", "The organization is suspended.", fix="Resume it first."
            )
        self._suspended(reason=reason)

    @event(Suspended)
    def _suspended(self, reason: str) -> None:
        self.suspended_for = reason

    def resume(self) -> None:
        """End the suspension; raises Conflict when there is none."""
        self._expect_open()
        if self.suspended_for is None:
            raise Conflict("already_terminal", "The organization is not suspended.")
        self._resumed()

    @event(Resumed)
    def _resumed(self) -> None:
        self.suspended_for = None

    def limit(self, limits: OrgLimits) -> None:
        """Let it do that much from now on; the same numbers again change nothing."""
        self._expect_open()
        if limits != self.limits:
            self._limited(limits=limits.as_dict())

    @event(Limited)
    def _limited(self, limits: dict[str, Any]) -> None:
        self.limits = OrgLimits.of(limits)

    def close(self, *, at: datetime) -> None:
        """End it; it can be opened again for CLOSING_GRACE. Raises Conflict when it is closed."""
        self._expect_open()
        self._closed(final_at=(at + CLOSING_GRACE).isoformat())

    @event(Closed)
    def _closed(self, final_at: str) -> None:
        self.final_at = final_at

    def reopen(self, *, at: datetime) -> None:
        """Let it go on; raises Conflict when it is not closed, or its grace is over."""
        if self.final_at is None:
            raise Conflict("already_terminal", "The organization is not closed.")
        if at >= datetime.fromisoformat(self.final_at):
            raise Conflict(
                "already_terminal",
                f"The organization was closed, and for good since {self.final_at[:10]}.",
                fix="Found a new one.",
            )
        self._reopened()

    @event(Reopened)
    def _reopened(self) -> None:
        self.final_at = None

    @property
    def webhook_secret_version(self) -> int:
        """The version of the secret that webhooks are signed with first; 1 is never announced."""
        return len(self.webhook_secret_rotations) + 1

    @property
    def webhook_secret_rotated_at(self) -> Moment:
        """When that version came; None for the first."""
        return self.webhook_secret_rotations[-1] if self.webhook_secret_rotations else None

    def webhook_secret_versions(self, at: datetime) -> tuple[int, ...]:
        """The versions to sign with at that time, newest first, five at the most."""
        rotations = reversed(self.webhook_secret_rotations)
        overlapping = sum(1 for then in rotations if then and at < then + WEBHOOK_SECRET_OVERLAP)
        newest = self.webhook_secret_version
        return tuple(range(newest, newest - overlapping - 1, -1))[:MOST_WEBHOOK_SECRETS]

    def rotate_webhook_secret(self) -> None:
        """Have webhooks signed with a new secret from now on."""
        self._webhook_secret_rotated(version=self.webhook_secret_version + 1)

    @event(WebhookSecretRotated)
    def _webhook_secret_rotated(
        self,
        version: int,  # noqa: ARG002 - for whoever derives the secret without us
        timestamp: Moment = None,
    ) -> None:
        self.webhook_secret_rotations.append(timestamp)

    def _expect_open(self) -> None:
        if self.final_at is not None:
            raise Conflict(
                "already_terminal",
                "The organization is closed.",
                fix="Ask whoever runs this installation to open it again.",
            )


def _checked_name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= NAME_MAX_CHARACTERS or not name.isprintable():
        raise InvalidInput(
            "invalid_parameter",
            f"An organization's name has 1 to {NAME_MAX_CHARACTERS} printable characters.",
            param="name",
            fix="Use the name that people know the organization by.",
        )
    return name


def _checked_reason(text: str) -> str:
    reason = text.strip()
    if not 1 <= len(reason) <= REASON_MAX_CHARACTERS or not reason.isprintable():
        raise InvalidInput(
            "invalid_parameter",
            f"A reason has 1 to {REASON_MAX_CHARACTERS} printable characters.",
            param="reason",
            fix="Say in one sentence what its members shall read.",
        )
    return reason
