"""What somebody may do, over the whole table: every role, every scope, every kind of team."""

from itertools import product

import pytest

from domain.access import NOT_FOR_TEAMS, Person, access
from domain.ids import TeamId, UserId
from domain.roles import Role
from domain.scopes import EVERY_SCOPE, Scope

OWN, OTHER, KEYS_TEAM = TeamId.new(), TeamId.new(), TeamId.new()
TEAMS = (None, OWN, OTHER, KEYS_TEAM)
NOBODY = "nobody"  # the organization's own key
LEFT = "left"  # somebody who is no member any more
BEHIND = (NOBODY, LEFT, *Role)

# o owner, a admin, m member, v viewer may do it themselves; t: a key of a team may hold it.
TABLE = {
    Scope.IMAGES_PROCESS: "oam t",
    Scope.IMAGES_UPSCALE: "oam t",
    Scope.IMAGES_BACKGROUND: "oam t",
    Scope.IMAGES_RELIGHT: "oam t",
    Scope.COMPLIANCE_CHECK: "oam t",
    Scope.FILES_READ: "oamvt",
    Scope.JOBS_READ: "oamvt",
    Scope.JOBS_WRITE: "oam t",
    Scope.PRESETS_READ: "oamvt",
    Scope.PRESETS_WRITE: "oam t",
    Scope.CATALOG_READ: "oamvt",
    Scope.CATALOG_SYNC: "oam t",
    Scope.PUBLISH_READ: "oamvt",
    Scope.PUBLISH_WRITE: "oam t",
    Scope.INTEGRATIONS_READ: "oamvt",
    Scope.INTEGRATIONS_MANAGE: "oa  t",
    Scope.WEBHOOKS_READ: "oa   ",
    Scope.WEBHOOKS_MANAGE: "oa   ",
    Scope.KEYS_READ: "oam  ",
    Scope.KEYS_MANAGE: "oa   ",
    Scope.MEMBERS_READ: "oamvt",
    Scope.MEMBERS_MANAGE: "oa   ",
    Scope.TEAMS_MANAGE: "oa   ",
    Scope.AUDIT_READ: "oamv ",
    Scope.USAGE_READ: "oamv ",
}
LETTERS = {Role.OWNER: "o", Role.ADMIN: "a", Role.MEMBER: "m", Role.VIEWER: "v", LEFT: "m"}


def person(behind: str) -> Person | None:
    if behind == NOBODY:
        return None
    role = None if behind == LEFT else Role(behind)
    return Person(UserId.new(), role, frozenset({OWN}))


@pytest.mark.parametrize(
    ("behind", "scope", "team_id"), list(product(BEHIND, EVERY_SCOPE, (None, KEYS_TEAM)))
)
def test_a_scope_is_allowed_when_it_is_held_the_role_allows_it_and_the_team_too(
    behind: str, scope: Scope, team_id: TeamId | None
) -> None:
    by_role = behind == NOBODY or LETTERS[behind] in TABLE[scope]
    expected = by_role and (team_id is None or "t" in TABLE[scope])

    assert access([scope], person(behind), team_id=team_id).may(scope) is expected
    held = access(EVERY_SCOPE, person(behind), team_id=team_id)
    assert (scope in held.scopes) is expected
    rest = set(EVERY_SCOPE) - {scope}
    assert not access(rest, person(behind), team_id=team_id).may(scope)


@pytest.mark.parametrize(
    ("behind", "of_key", "of_thing"), list(product(BEHIND, (None, KEYS_TEAM), TEAMS))
)
def test_things_of_a_team_are_open_to_its_keys_its_members_and_who_leads_the_organization(
    behind: str, of_key: TeamId | None, of_thing: TeamId | None
) -> None:
    told = access(EVERY_SCOPE, person(behind), team_id=of_key)

    if of_thing is None:
        expected = True
    elif of_key is not None:
        expected = of_thing == of_key
    else:
        expected = behind in {NOBODY, Role.OWNER, Role.ADMIN} or of_thing == OWN
    assert told.reaches(of_thing) is expected
    for scope in EVERY_SCOPE:
        assert told.may(scope, team_id=of_thing) is (expected and scope in told.scopes)


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(EVERY_SCOPE)
    assert {scope for scope, told in TABLE.items() if "t" not in told} == NOT_FOR_TEAMS


def test_nothing_is_allowed_that_is_not_held() -> None:
    for behind in BEHIND:
        assert access([], person(behind)).scopes == frozenset()
