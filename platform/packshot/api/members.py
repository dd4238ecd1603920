"""/api/v1/members and /api/v1/invites: who belongs to the organization, and who is invited."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from domain.errors import InvalidInput
from domain.ids import InviteId
from domain.roles import Role
from domain.scopes import Scope
from packshot.commands.members import ListedInvite, NamedMember
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.fields import Word
from packshot.edge.forms import Form
from packshot.edge.paging import PageAnswer, PageForm, Total, bad_cursor, page_of
from packshot.edge.shapes import Answer, Time
from packshot.edge.trying import refuse_test_key

ROLES = tuple(Role)
WRITE_HEADERS = ("x-log-position", "x-log-head")


class NewInviteForm(Form):
    """An invite to send."""

    model_config = ConfigDict(json_schema_extra={"required": ["role"]})

    role: Annotated[str, Word(ROLES)] | None = Field(
        None,
        description="What whoever opens the link becomes; a key invites nobody as owner, "
        "and nobody who could do what it may not.",
        examples=["member"],
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


@endpoint("GET", "/api/v1/members", scope=Scope.MEMBERS_READ, form=PageForm, answer=MembersAnswer)
async def list_members(call: Call[PageForm]) -> Reply:
    """Answer the members of the organization with their roles, oldest first."""
    listed = await call.services.members.members(call.key.org_id)
    begin = _begin([str(member.user_id) for member in listed], call.form)
    shown, page = page_of(
        listed[begin : begin + call.form.limit + 1],
        call.form,
        total=Total(len(listed)),
        place=lambda member: str(member.user_id),
    )
    return Reply(MembersAnswer(data=[_member_answer(member) for member in shown], page=page))


@endpoint("GET", "/api/v1/invites", scope=Scope.MEMBERS_READ, form=PageForm, answer=InvitesAnswer)
async def list_invites(call: Call[PageForm]) -> Reply:
    """Answer the invites that nobody has used, newest first, also those that are too old."""
    listed = await call.services.members.invites(call.key.org_id)
    form = call.form
    before = form.after_id(InviteId)  # it may have been used since: those that are older follow
    listed_after = [one for one in listed if before is None or one.invite_id.uuid < before]
    shown, page = page_of(
        listed_after[: form.limit + 1],
        form,
        total=Total(len(listed)),
        place=lambda invite: str(invite.invite_id),
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
    if call.form.role is None:
        raise InvalidInput(
            "missing_parameter",
            "The invite says nothing of the role.",
            param="role",
            allowed={"values": [str(role) for role in ROLES]},
            fix="Send a role such as member.",
        )
    refuse_test_key(call, "invites nobody")
    role = Role(call.form.role)
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


def _begin(places: list[str], form: PageForm) -> int:
    if form.after is None:
        return 0
    if form.after not in places:
        raise bad_cursor()
    return places.index(form.after) + 1
