"""What somebody may do, in one function: what is held, what the role allows today, the team."""

from collections.abc import Collection
from dataclasses import dataclass

from domain.ids import TeamId, UserId
from domain.roles import SCOPES, Role
from domain.scopes import Scope

# Keys outlive the membership of whoever made them, and then may do what every member may.
ROLE_OF_THE_DEPARTED = Role.MEMBER
# What concerns the organization as a whole is not for a key of one team, whoever stands behind it.
NOT_FOR_TEAMS = frozenset(
    {
        Scope.KEYS_READ, Scope.KEYS_MANAGE, Scope.MEMBERS_MANAGE, Scope.TEAMS_MANAGE,
        Scope.WEBHOOKS_READ, Scope.WEBHOOKS_MANAGE, Scope.AUDIT_READ, Scope.USAGE_READ,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Who answers for what is done: a person with the role and the teams they have today.

    ``role`` is None for somebody who is no member any more.
    """

    user_id: UserId
    role: Role | None
    team_ids: frozenset[TeamId] = frozenset()

    @property
    def has_left(self) -> bool:
        """Whether the person is no member any more."""
        return self.role is None


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may do, and to the things of which teams.

    ``team_ids`` None means those of every team. What belongs to no team is the whole
    organization's, and open to everybody in it.
    """

    scopes: frozenset[Scope]
    team_ids: frozenset[TeamId] | None

    def reaches(self, team_id: TeamId | None) -> bool:
        """Whether things of that team (None: of the whole organization) are open to them."""
        return team_id is None or self.team_ids is None or team_id in self.team_ids

    def may(self, scope: Scope, *, team_id: TeamId | None = None) -> bool:
        """Whether they may do that to a thing of that team."""
        return scope in self.scopes and self.reaches(team_id)


def access(
    held: Collection[Scope], person: Person | None, *, team_id: TeamId | None = None
) -> Access:
    """What the holder of these scopes may do: no more than the person behind them, and their team.

    ``person`` is None where nobody stands behind them and nothing but the scopes limits: the first
    key of an organization, made by the installation itself. ``team_id`` is the team that a key
    belongs to, None for one of the whole organization.
    """
    role = None if person is None else person.role or ROLE_OF_THE_DEPARTED
    scopes = frozenset(held) if role is None else SCOPES[role].intersection(held)
    if team_id is not None:
        return Access(scopes - NOT_FOR_TEAMS, frozenset({team_id}))
    if person is None or role in {Role.OWNER, Role.ADMIN}:
        return Access(scopes, None)
    return Access(scopes, person.team_ids)
