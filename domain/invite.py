"""An invite: a link that makes whoever opens it first a member of an organization."""

from datetime import datetime
from typing import Literal, Self

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict
from domain.ids import InviteId, UserId
from domain.roles import Role

Status = Literal["open", "accepted", "withdrawn"]


class Invite(Aggregate):
    """An invite; the secret of its link is never part of it."""

    TOPIC = "invite"

    class Event(Aggregate.Event):
        """Something that happened to an invite."""

        TOPIC = "invite.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "invite.created.v1"

    class Sent(Created):
        """Somebody was invited to be of that role, until ``expires_at`` (ISO 8601)."""

        TOPIC = "invite.sent.v1"
        role: str
        expires_at: str

    class Accepted(Event):
        """The invited person came."""

        TOPIC = "invite.accepted.v1"
        user_id: str

    class Withdrawn(Event):
        """The invite counts no more."""

        TOPIC = "invite.withdrawn.v1"

    @classmethod
    def send(cls, invite_id: InviteId, *, role: Role, expires_at: datetime) -> Self:
        """Invite somebody."""
        return cls._create(
            cls.Sent, id=invite_id.uuid, role=str(role), expires_at=expires_at.isoformat()
        )

    @event(Sent)
    def __init__(self, *, role: str, expires_at: str) -> None:
        self.role = Role(role)
        self.expires_at = expires_at
        self.status: Status = "open"

    def accept(self, user_id: UserId, *, at: datetime) -> None:
        """Let the invited person in; raises Conflict (already_terminal), once and in time only."""
        self._expect_open()
        if at >= datetime.fromisoformat(self.expires_at):
            raise Conflict(
                "already_terminal", "This invite has expired.", fix="Ask for a new link."
            )
        self._accepted(user_id=str(user_id))

    @event(Accepted)
    def _accepted(self, user_id: str) -> None:  # noqa: ARG002 - for whoever reads the log
        self.status = "accepted"

    def withdraw(self) -> None:
        """Take the invite back; raises Conflict (already_terminal) when it is not open."""
        self._expect_open()
        self._withdrawn()

    @event(Withdrawn)
    def _withdrawn(self) -> None:
        self.status = "withdrawn"

    def _expect_open(self) -> None:
        if self.status != "open":
            raise Conflict(
                "already_terminal",
                f"This invite was {self.status}.",
                fix="Ask for a new link.",
            )
