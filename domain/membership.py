"""A membership: a person's place in an organization, with one of the four roles."""

from typing import Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict
from domain.ids import MembershipId, OrgId, UserId
from domain.roles import Role


class Membership(Aggregate):
    """A membership from its beginning on; a person has at most one in an organization."""

    TOPIC = "membership"

    class Event(Aggregate.Event):
        """Something that happened to a membership."""

        TOPIC = "membership.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "membership.created.v1"

    class Begun(Created):
        """The person belongs to the organization."""

        TOPIC = "membership.begun.v1"
        user_id: str
        role: str

    class RoleChanged(Event):
        """The member has another role, perhaps after having left and come back."""

        TOPIC = "membership.role-changed.v1"
        user_id: str
        role: str

    class Ended(Event):
        """The person belongs to the organization no more."""

        TOPIC = "membership.ended.v1"
        user_id: str
        role: str

    class PasswordResetOffered(Event):
        """Somebody who may decide about the member made a link that gives a new password."""

        TOPIC = "membership.password-reset-offered.v1"
        user_id: str

    @staticmethod
    def id_of(org_id: OrgId, user_id: UserId) -> MembershipId:
        """The id of that person's membership: the same whoever asks, so there is only one."""
        return MembershipId(uuid5(org_id.uuid, str(user_id)))

    @classmethod
    def begin(cls, org_id: OrgId, user_id: UserId, role: Role) -> Self:
        """Take a person into an organization."""
        stream_id: UUID = cls.id_of(org_id, user_id).uuid
        return cls._create(cls.Begun, id=stream_id, user_id=str(user_id), role=str(role))

    @event(Begun)
    def __init__(self, *, user_id: str, role: str) -> None:
        self.user_id = UserId.parse(user_id)
        self.role = Role(role)
        self.is_ended = False

    def change_role(self, role: Role) -> None:
        """Give the member another role; one who had left comes back by it."""
        if self.is_ended or role != self.role:
            self._role_changed(user_id=str(self.user_id), role=str(role))

    @event(RoleChanged)
    def _role_changed(self, user_id: str, role: str) -> None:  # noqa: ARG002 - for its views
        self.role = Role(role)
        self.is_ended = False

    def offer_password_reset(self) -> None:
        """Note that a link was made; raises Conflict (already_terminal) for a former member."""
        if self.is_ended:
            raise _is_no_member()
        self._password_reset_offered(user_id=str(self.user_id))

    @event(PasswordResetOffered)
    def _password_reset_offered(self, user_id: str) -> None:
        """Nothing of the membership changes."""

    def end(self) -> None:
        """End the membership; raises Conflict (already_terminal) when it has ended."""
        if self.is_ended:
            raise _is_no_member()
        self._ended(user_id=str(self.user_id), role=str(self.role))

    @event(Ended)
    def _ended(self, user_id: str, role: str) -> None:  # noqa: ARG002 - for its views
        self.is_ended = True


def _is_no_member() -> Conflict:
    return Conflict(
        "already_terminal",
        "This person does not belong to the organization any more.",
        fix="Look at the list of members again.",
    )
