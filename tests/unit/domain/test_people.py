"""Users, memberships and invites: who they let in, and who stays."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.appointing import require_may_appoint, require_owner_left
from domain.errors import Conflict, Forbidden
from domain.ids import InviteId, OrgId, UserId
from domain.invite import Invite
from domain.membership import Membership
from domain.roles import RANKS, Role, allows, may_appoint
from domain.scopes import Scope
from domain.user import User
from given import given

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
ORG, PERSON = OrgId.new(), UserId.new()


def invite() -> Invite:
    return Invite.send(InviteId.new(), role=Role.MEMBER, expires_at=LATER)


def membership(role: Role = Role.MEMBER) -> Membership:
    return Membership.begin(ORG, PERSON, role)


def test_an_open_invite_is_accepted() -> None:
    given(invite()).when(lambda one: one.accept(PERSON, at=NOW)).then(
        (Invite.Accepted, {"user_id": str(PERSON)})
    )


def test_an_invite_is_accepted_in_time_only() -> None:
    with pytest.raises(Conflict) as refused:
        given(invite()).when(lambda one: one.accept(PERSON, at=LATER))

    assert refused.value.code == "already_terminal"


def test_an_open_invite_is_withdrawn() -> None:
    given(invite()).when(Invite.withdraw).then((Invite.Withdrawn, {}))


@pytest.mark.parametrize("end", ["accept", "withdraw"])
@pytest.mark.parametrize("again", ["accept", "withdraw"])
def test_an_invite_ends_once(end: str, again: str) -> None:
    acts = {"accept": lambda one: one.accept(PERSON, at=NOW), "withdraw": Invite.withdraw}
    ended = invite()
    acts[end](ended)

    with pytest.raises(Conflict):
        given(ended).when(acts[again])


def test_a_member_is_given_another_role() -> None:
    told = {"user_id": str(PERSON), "role": "admin"}
    given(membership()).when(lambda one: one.change_role(Role.ADMIN)).then(
        (Membership.RoleChanged, told)
    )


def test_the_same_role_again_is_no_event() -> None:
    given(membership()).when(lambda one: one.change_role(Role.MEMBER)).then()


def test_a_membership_ends_and_begins_again_with_its_old_role() -> None:
    ended = membership()
    ended.end()

    given(ended).when(lambda one: one.change_role(Role.MEMBER)).then(
        (Membership.RoleChanged, {"role": "member"})
    )


def test_a_membership_ends_once() -> None:
    ended = membership()
    ended.end()

    with pytest.raises(Conflict):
        given(ended).when(Membership.end)


def test_a_person_has_one_membership_in_an_organization() -> None:
    assert membership().id == membership(Role.OWNER).id
    assert membership().id != Membership.begin(OrgId.new(), PERSON, Role.MEMBER).id


def test_a_password_is_noted_without_a_word_of_it() -> None:
    given(User.register(PERSON)).when(User.set_password).then((User.PasswordChanged, {}))


@pytest.mark.parametrize("by", list(Role))
@pytest.mark.parametrize("role", list(Role))
def test_nobody_appoints_above_themselves(by: Role, role: Role) -> None:
    may = by in {Role.OWNER, Role.ADMIN} and RANKS[role] <= RANKS[by]

    assert may_appoint(by, role) is may
    if may:
        require_may_appoint(by, role)
    else:
        with pytest.raises(Forbidden):
            require_may_appoint(by, Role.VIEWER, role)


def test_the_last_owner_stays() -> None:
    other = UserId.new()

    require_owner_left([PERSON, other], PERSON)
    require_owner_left([other], PERSON)
    with pytest.raises(Conflict) as refused:
        require_owner_left([PERSON], PERSON)
    assert refused.value.code == "last_owner"


def test_a_viewer_only_reads() -> None:
    allowed = {scope for scope in Scope if allows(Role.VIEWER, scope)}

    assert all(scope.endswith(":read") for scope in allowed)
    assert Scope.MEMBERS_READ in allowed


def person() -> User:
    return User.register(PERSON)


def test_a_lost_password_is_replaced() -> None:
    given(person()).when(User.reset_password).then((User.PasswordReset, {}))


def kept_out() -> User:
    one = person()
    one.disable()
    return one


def linked(issuer: str) -> User:
    one = person()
    one.link_oidc(issuer)
    return one


def test_a_person_is_kept_out_once_and_let_in_again_once() -> None:
    given(person()).when(User.disable).then((User.Disabled, {}))
    given(kept_out()).when(User.enable).then((User.Enabled, {}))

    with pytest.raises(Conflict):
        given(kept_out()).when(User.disable)
    with pytest.raises(Conflict):
        given(person()).when(User.enable)


def test_a_provider_is_linked_once_and_unlinked_once() -> None:
    issuer = "https://id.example"
    told = {"issuer": issuer}
    given(person()).when(lambda one: one.link_oidc(issuer)).then((User.OidcLinked, told))
    given(linked(issuer)).when(lambda one: one.unlink_oidc(issuer)).then((User.OidcUnlinked, told))

    with pytest.raises(Conflict):
        given(linked(issuer)).when(lambda one: one.link_oidc(issuer))
    with pytest.raises(Conflict):
        given(person()).when(lambda one: one.unlink_oidc(issuer))
