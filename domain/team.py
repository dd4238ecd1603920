"""A team: some members of an organization, who own keys and connections to shops together."""

from datetime import datetime
from enum import StrEnum
from typing import Self, TypeAlias

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import TeamId, UserId

# A change that takes ``timestamp`` is told its event's own: it reads no clock.
Moment: TypeAlias = datetime | None

NAME_MAX_CHARACTERS = 100


class TeamRole(StrEnum):
    """What somebody is in a team; a lead decides who else is in it."""

    LEAD = "lead"
    MEMBER = "member"


class Team(Aggregate):
    """A team from its creation until it is deleted."""

    TOPIC = "team"

    class Event(Aggregate.Event):
        """Something that happened to a team."""

        TOPIC = "team.event"

    class Created(Event, Aggregate.Created):
        """The team came to be, with nobody in it."""

        TOPIC = "team.created.v1"
        name: str

    class Renamed(Event):
        """The team has another name."""

        TOPIC = "team.renamed.v1"
        name: str
        former_name: str

    class MemberAdded(Event):
        """Somebody is in the team."""

        TOPIC = "team.member-added.v1"
        user_id: str
        role: str

    class MemberRoleChanged(Event):
        """Somebody leads the team, or does so no more."""

        TOPIC = "team.member-role-changed.v1"
        user_id: str
        role: str

    class MemberRemoved(Event):
        """Somebody is in the team no more."""

        TOPIC = "team.member-removed.v1"
        user_id: str

    class Deleted(Event):
        """The team is over; what it owned stays its own, and only admins see it."""

        TOPIC = "team.deleted.v1"
        name: str

    @classmethod
    def create(cls, team_id: TeamId, *, name: str) -> Self:
        """Create a team; raises InvalidInput for an empty or endless name."""
        return cls._create(cls.Created, id=team_id.uuid, name=_checked_name(name))

    @event(Created)
    def __init__(self, *, name: str) -> None:
        self.name = name
        self.roles: dict[str, TeamRole] = {}
        self.added_at: dict[str, Moment] = {}
        self.is_deleted = False

    @property
    def members(self) -> dict[UserId, TeamRole]:
        """Who is in the team, and as what."""
        return {UserId.parse(user_id): role for user_id, role in self.roles.items()}

    def rename(self, name: str) -> None:
        """Call it something else; the same name again changes nothing."""
        name = _checked_name(name)
        self._expect_living()
        if name != self.name:
            self._renamed(name=name, former_name=self.name)

    @event(Renamed)
    def _renamed(self, name: str, former_name: str) -> None:  # noqa: ARG002 - for who reads it
        self.name = name

    def put_member(self, user_id: UserId, role: TeamRole) -> None:
        """Have somebody in the team with that role; who is so already changes nothing."""
        self._expect_living()
        known = self.roles.get(str(user_id))
        if known is None:
            self._member_added(user_id=str(user_id), role=str(role))
        elif known != role:
            self._member_role_changed(user_id=str(user_id), role=str(role))

    @event(MemberAdded)
    def _member_added(self, user_id: str, role: str, timestamp: Moment = None) -> None:
        self.roles[user_id] = TeamRole(role)
        self.added_at[user_id] = timestamp

    @event(MemberRoleChanged)
    def _member_role_changed(self, user_id: str, role: str) -> None:
        self.roles[user_id] = TeamRole(role)

    def remove_member(self, user_id: UserId) -> None:
        """Take somebody out of the team; raises NotFound for who is not in it."""
        self._expect_living()
        if str(user_id) not in self.roles:
            raise NotFound(
                "not_found",
                "There is no such member of the team.",
                fix="Look at the team's members again.",
            )
        self._member_removed(user_id=str(user_id))

    @event(MemberRemoved)
    def _member_removed(self, user_id: str) -> None:
        self.roles.pop(user_id, None)

    def delete(self) -> None:
        """End the team."""
        self._expect_living()
        self._deleted(name=self.name)

    @event(Deleted)
    def _deleted(self, name: str) -> None:  # noqa: ARG002 - for who reads the log
        self.is_deleted = True
        self.roles = {}

    def _expect_living(self) -> None:
        if self.is_deleted:
            raise Conflict(
                "already_terminal", "This team was deleted.", fix="Look at the teams again."
            )


def _checked_name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= NAME_MAX_CHARACTERS or not name.isprintable():
        raise InvalidInput(
            "invalid_parameter",
            f"A team's name has 1 to {NAME_MAX_CHARACTERS} printable characters.",
            param="name",
            fix="Use the name that its members know it by.",
        )
    return name
