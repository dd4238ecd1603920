"""/api/v1/members and /api/v1/invites: who belongs to the organization, and who is invited."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from domain.errors import InvalidInput
from domain.ids import InviteId, UserId
from domain.roles import Role
from domain.scopes import Scope
from packshot.commands.members import ListedInvite, NamedMember, Wanted
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form
from packshot.edge.looking_back import LooksBack, PastPageForm
from packshot.edge.paging import PageAnswer, Total, page_of
from packshot.edge.path_ids import invite_id_of, user_id_of
from packshot.edge.shapes import Answer, Time
from packshot.edge.trying import refuse_test_key

ROLES = tuple(Role)
MEMBERS = "/api/v1/members"
MEMBER = MEMBERS + "/{userId}"
WRITE_HEADERS = ("x-log-position", "x-log-head")
CHANGE_REFUSALS = ("not_found", "last_owner", "test_key", "org_suspended", "overloaded")


class NewInviteForm(Form):
    """An invite to send."""

    model_config = ConfigDict(json_schema_extra={"required": ["role"]})

    role: Annotated[str, Word(ROLES)] | None = Field(
        None,
        description="What whoever opens the link becomes; a key invites nobody as owner, "
        "and nobody who could do what it may not.",
        examples=["member"],
    )


class MembersForm(PastPageForm):
    """Which members."""

    q: Annotated[str | None, Label(100)] = Field(
        None, description="A part of their name or address, in whatever case.", examples=["ann"]
    )


class ChangeMemberForm(Form):
    """A role to give."""

    model_config = ConfigDict(json_schema_extra={"required": ["role"]})

    role: Annotated[str, Word(ROLES)] | None = Field(
        None,
        description="What the member becomes; a key decides about no owner, and lifts nobody to a "
        "role that may do what it may not.",
        examples=["viewer"],
    )


class MemberAnswer(Answer):
    """A member of the organization."""

    user_id: str
    name: str
    email: str
    role: Role
    joined_at: Time


class MembersAnswer(Answer):
    """A page of members, oldest first."""

    data: list[MemberAnswer]
    page: PageAnswer


class RemovedMemberAnswer(Answer):
    """Somebody who belongs to the organization no more."""

    user_id: str
    removed: bool


class WithdrawnInviteAnswer(Answer):
    """An invite that counts no more."""

    invite_id: str
    status: Literal["withdrawn"]


class InviteSender(Answer):
    """Who sent the invite; ``name`` where it was a person."""

    type: str
    id: str
    name: str | None


class InviteAnswer(Answer):
    """An invite that nobody has used yet, without its link."""

    invite_id: str
    role: Role
    status: Literal["open", "expired"]
    sent_by: InviteSender
    sent_at: Time
    expires_at: Time


class InvitesAnswer(Answer):
    """A page of invites that nobody has used, newest first."""

    data: list[InviteAnswer]
    page: PageAnswer


class NewInviteAnswer(Answer):
    """A new invite; ``url`` is its link, which is told here and never again."""

    invite_id: str
    role: Role
    status: Literal["open"]
    expires_at: Time
    url: str


@endpoint("GET", MEMBERS, scope=Scope.MEMBERS_READ, form=MembersForm, answer=MembersAnswer)
async def list_members(call: Call[MembersForm]) -> Reply:
    """Answer the members of the organization with their roles, oldest first."""
    form = call.form
    wanted = Wanted(limit=form.limit + 1, after=form.after_id(UserId), matching=form.q or "")
    listed = await call.services.members.list(call.key.org_id, wanted, at=call.position)
    total = Total.counted(listed.total) if wanted.matching else Total(listed.total)
    shown, page = page_of(
        listed.members,
        form,
        total=total,
        place=lambda member: str(member.user_id),
        at=call.position,
    )
    return Reply(MembersAnswer(data=[_member_answer(member) for member in shown], page=page))


@endpoint(
    "GET",
    MEMBER,
    scope=Scope.MEMBERS_READ,
    form=LooksBack,
    answer=MemberAnswer,
    refuses=("not_found",),
)
async def find_member(call: Call[LooksBack]) -> Reply:
    """Answer a member of the organization."""
    members, user_id = call.services.members, user_id_of(call.path)
    return Reply(_member_answer(await members.find(call.key.org_id, user_id, at=call.position)))


@endpoint(
    "PATCH",
    MEMBER,
    scope=Scope.MEMBERS_MANAGE,
    form=ChangeMemberForm,
    answer=MemberAnswer,
    refuses=("missing_parameter", *CHANGE_REFUSALS),
    answer_headers=WRITE_HEADERS,
)
async def change_member(call: Call[ChangeMemberForm]) -> Reply:
    """Give a member another role; an owner always remains."""
    members, user_id = call.services.members, user_id_of(call.path)
    role = _required_role(call.form.role, "The change")
    refuse_test_key(call, "decides about no member")
    before = await members.find(call.key.org_id, user_id)
    head = await members.change_role(call.context, user_id, role, granted=call.key.scopes)
    return Reply(_member_answer(replace(before, role=role)), head=head)


@endpoint(
    "DELETE",
    MEMBER,
    scope=Scope.MEMBERS_MANAGE,
    answer=RemovedMemberAnswer,
    refuses=CHANGE_REFUSALS,
    answer_headers=WRITE_HEADERS,
)
async def remove_member(call: Call[NoFields]) -> Reply:
    """End somebody's membership, in every team as well; an owner always remains."""
    user_id = user_id_of(call.path)
    refuse_test_key(call, "decides about no member")
    head = await call.services.members.remove(call.context, user_id)
    return Reply(RemovedMemberAnswer(user_id=str(user_id), removed=True), head=head)


@endpoint(
    "GET", "/api/v1/invites", scope=Scope.MEMBERS_READ, form=PastPageForm, answer=InvitesAnswer
)
async def list_invites(call: Call[PastPageForm]) -> Reply:
    """Answer the invites that nobody has used, newest first, also those that are too old."""
    listed = await call.services.members.invites(call.key.org_id, as_of=call.as_of)
    total = Total(len(listed))
    form = call.form
    before = form.after_id(InviteId)  # it may have been used since: those that are older follow
    listed = [one for one in listed if before is None or one.invite_id.uuid < before]
    shown, page = page_of(
        listed[: form.limit + 1],
        form,
        total=total,
        place=lambda invite: str(invite.invite_id),
        at=call.position,
    )
    return Reply(InvitesAnswer(data=[_invite_answer(invite) for invite in shown], page=page))


@endpoint(
    "POST",
    "/api/v1/invites",
    scope=Scope.MEMBERS_MANAGE,
    form=NewInviteForm,
    answer=NewInviteAnswer,
    created=True,
    refuses=("missing_parameter", "test_key", "org_suspended", "overloaded"),
    answer_headers=WRITE_HEADERS,
)
async def create_invite(call: Call[NewInviteForm]) -> Reply:
    """Invite somebody by a link that works once, for seven days; it is told once."""
    role = _required_role(call.form.role, "The invite")
    refuse_test_key(call, "invites nobody")
    invited = await call.services.members.invite(call.context, role, granted=call.key.scopes)
    body = NewInviteAnswer(
        invite_id=str(invited.invite_id),
        role=role,
        status="open",
        expires_at=invited.expires_at,
        url=f"{call.services.settings.public_url}/join/{invited.secret}",
    )
    location = {"location": "/api/v1/invites"}
    return Reply(body, 201, location, head=invited.head, once=frozenset({"url"}))


@endpoint(
    "DELETE",
    "/api/v1/invites/{inviteId}",
    scope=Scope.MEMBERS_MANAGE,
    answer=WithdrawnInviteAnswer,
    refuses=("not_found", "already_terminal", "org_suspended", "overloaded"),
    answer_headers=WRITE_HEADERS,
)
async def withdraw_invite(call: Call[NoFields]) -> Reply:
    """Take an invite back; its link stops working at once."""
    invite_id = invite_id_of(call.path)
    head = await call.services.members.withdraw(call.context, invite_id)
    body = WithdrawnInviteAnswer(invite_id=str(invite_id), status="withdrawn")
    return Reply(body, head=head)


def _member_answer(member: NamedMember) -> MemberAnswer:
    return MemberAnswer(
        user_id=str(member.user_id),
        name=member.name,
        email=member.email,
        role=member.role,
        joined_at=member.began_at,
    )


def _invite_answer(invite: ListedInvite) -> InviteAnswer:
    return InviteAnswer(
        invite_id=str(invite.invite_id),
        role=invite.role,
        status="expired" if invite.is_expired else "open",
        sent_by=InviteSender(
            type=invite.sent_by_type, id=invite.sent_by_id, name=invite.sent_by_name
        ),
        sent_at=invite.sent_at,
        expires_at=invite.expires_at,
    )


def _required_role(role: str | None, what: str) -> Role:
    if role is None:
        raise InvalidInput(
            "missing_parameter",
            f"{what} says nothing of the role.",
            param="role",
            allowed={"values": [str(role) for role in ROLES]},
            fix="Send a role such as member.",
        )
    return Role(role)
