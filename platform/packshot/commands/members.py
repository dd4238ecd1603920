"""Members of an organization: listed by name, given roles, invited, removed. An owner stays."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.appointing import require_may_appoint, require_owner_left
from domain.errors import Forbidden, NotFound
from domain.ids import InviteId, OrgId, UserId
from domain.invite import Invite
from domain.membership import Membership
from domain.recorded import Context
from domain.roles import RANKS, SCOPES, Role, allows, may_appoint
from domain.scopes import Scope
from domain.team import Team
from domain.user import INSTALLATION
from packshot.commands.people import Invited, People
from packshot.store import people as rows
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.past import AsOf
from packshot.store.resets import withdraw_resets
from projections.memberships import (
    Member,
    count_found,
    count_members,
    find_members,
    list_members,
    list_open_invites,
    list_owners,
    search_members,
)
from projections.past_members import list_members_at, list_open_invites_at
from projections.teams import team_ids_of

# A key is no person: whoever may manage members by one gets no further than an admin, and invites
# nobody who could do what the key itself may not.
RANK_OF_KEYS = Role.ADMIN
NOBODY = "Somebody"
MOST_COUNTED = 10_000  # the HTTP API: a filtered total stops counting there


@dataclass(frozen=True, slots=True)
class NamedMember:
    """A member with what people know them by; both texts are beside the log."""

    user_id: UserId
    name: str = field(repr=False)
    email: str = field(repr=False)
    role: Role
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which members: after that one (None: from the beginning), ``skip`` more left out.

    ``matching`` is a part of their name or address, in whatever case.
    """

    limit: int
    after: UUID | None = None
    skip: int = 0
    matching: str = ""


@dataclass(frozen=True, slots=True)
class ListedMembers:
    """Members, and how many there are; of those that match, counted to MOST_COUNTED + 1."""

    members: Sequence[NamedMember]
    total: int


@dataclass(frozen=True, slots=True)
class ListedInvite:
    """An invite that nobody has used yet; ``sent_by_name`` is None for one of no person."""

    invite_id: InviteId
    role: Role
    sent_at: datetime
    expires_at: datetime
    is_expired: bool
    sent_by_type: str
    sent_by_id: str
    sent_by_name: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Members:
    """The use cases of members.

    Who acts is the context's actor: what a person may decide follows from the role they have in
    the moment of the act, not from the one they had when their page was made.
    """

    store: EventStore
    people: People
    clock: Callable[[], datetime]
    # Told of everybody whose role has changed, once that is true.
    on_change: Callable[[UserId], None] = lambda _user_id: None

    async def list(self, org_id: OrgId, wanted: Wanted, *, at: int | None = None) -> ListedMembers:
        """Members of an organization, oldest first, and how many there are.

        That is today, or as of a position of the log; they are called as they are called today.
        """
        if at is not None:
            return await self._list_at(org_id, wanted, at=at)
        async with self.store.pools.reading(org_id) as connection:
            if wanted.matching:
                found = await search_members(
                    connection,
                    org_id.uuid,
                    wanted.matching,
                    after=wanted.after,
                    skip=wanted.skip,
                    limit=wanted.limit,
                )
                total = await count_found(connection, wanted.matching, at_most=MOST_COUNTED + 1)
            else:
                found = await list_members(
                    connection,
                    org_id.uuid,
                    after=wanted.after,
                    skip=wanted.skip,
                    limit=wanted.limit,
                )
                total = await count_members(connection, org_id.uuid)
        return ListedMembers(await self.named(found), total)

    async def _list_at(self, org_id: OrgId, wanted: Wanted, *, at: int) -> ListedMembers:
        async with self.store.pools.reading(org_id) as connection:
            found = await list_members_at(connection, org_id.uuid, at=at)
        if wanted.matching:
            part = wanted.matching.lower()
            named = await self.named(found)
            matching = {one.user_id for one in named if part in f"{one.name} {one.email}".lower()}
            found = [member for member in found if member.user_id in matching]
        places = [member.user_id.uuid for member in found]
        begin = 0
        if wanted.after is not None:
            begin = places.index(wanted.after) + 1 if wanted.after in places else len(places)
        begin += wanted.skip
        return ListedMembers(await self.named(found[begin : begin + wanted.limit]), len(found))

    async def find(self, org_id: OrgId, user_id: UserId, *, at: int | None = None) -> NamedMember:
        """A member of an organization, today or as of a position of the log; raises NotFound."""
        if at is None:
            return (await self.named([await self._member(org_id, user_id)]))[0]
        async with self.store.pools.reading(org_id) as connection:
            found = await list_members_at(connection, org_id.uuid, at=at, among=[user_id])
        if not found:
            raise no_such_member()
        return (await self.named(found))[0]

    async def named(self, members: Sequence[Member]) -> Sequence[NamedMember]:
        """These members with their names."""
        async with self.store.pools.reading(INSTALLATION) as connection:
            known = await rows.find_people(connection, [member.user_id.uuid for member in members])
        return [_named(member, known.get(member.user_id)) for member in members]

    async def invites(self, org_id: OrgId, *, as_of: AsOf | None = None) -> Sequence[ListedInvite]:
        """The invites that nobody has used, newest first, also those that are too old.

        That is today, or as of a point of the log.
        """
        async with self.store.pools.reading(org_id) as connection:
            if as_of is None:
                found = await list_open_invites(connection, org_id.uuid)
            else:
                found = await list_open_invites_at(connection, org_id.uuid, at=as_of.position)
        names = await self.people.names_of({invite.sent_by_id for invite in found})
        now = self.clock() if as_of is None else as_of.moment
        return [
            ListedInvite(
                invite_id=invite.invite_id,
                role=invite.role,
                sent_at=invite.sent_at,
                expires_at=invite.expires_at,
                is_expired=now >= invite.expires_at,
                sent_by_type=invite.sent_by_type,
                sent_by_id=invite.sent_by_id,
                sent_by_name=names.get(invite.sent_by_id),
            )
            for invite in found
        ]

    async def invite(
        self, context: Context, role: Role, *, granted: Collection[Scope] = ()
    ) -> Invited:
        """Invite somebody by a link; raises Forbidden for a role above one's own.

        ``granted`` is what a key may do itself; a role that may do more is not for it to give.
        """
        if context.actor.kind == "key":
            _require_granted(role, granted)
        async with self.store.together() as unit:
            # Links before the log, in the order in which whoever joins or withdraws takes the two.
            await rows.forget_old_links(await unit.connection(), expired_by=self.clock())
            async with self.store.alone(context.org_id):
                require_may_appoint(await self._rank(context), role)
                return await self.people.invite(context, role)

    async def withdraw(self, context: Context, invite_id: InviteId) -> LogHead:
        """Take an invite back and its link away; raises NotFound, Forbidden and Conflict."""
        async with self.store.together() as unit:
            # The link before the log, in the order in which whoever joins takes the two.
            await rows.withdraw_links(await unit.connection(), context.org_id, invite_id=invite_id)
            async with self.store.alone(context.org_id):
                invite = await self._find_invite(context.org_id, invite_id)
                require_may_appoint(await self._rank(context), invite.role)
                invite.withdraw()
                return await self.store.save(context, invite)

    async def change_role(
        self, context: Context, user_id: UserId, role: Role, *, granted: Collection[Scope] = ()
    ) -> LogHead | None:
        """Give a member another role; None when it is the one they have.

        Raises NotFound, Forbidden for a role above one's own, and Conflict (last_owner).
        ``granted`` is what a key may do itself; it lifts nobody to a role that may do more.
        """
        async with self.store.alone(context.org_id):
            member = await self._member(context.org_id, user_id)
            require_may_appoint(await self._rank(context), member.role, role)
            if member.role == role:
                return None
            if context.actor.kind == "key" and RANKS[role] > RANKS[member.role]:
                _require_granted(role, granted)
            await self._require_owner_left(context.org_id, member)
            membership = await self._membership(context.org_id, user_id)
            membership.change_role(role)
            void = await self._void_invites(context.org_id, user_id, rank=role)
            await self._void_resets(context.org_id, member, rank=role)
            self.store.when_true(lambda: self.on_change(user_id))
            return await self.store.save(context, membership, *void)

    async def remove(self, context: Context, user_id: UserId) -> LogHead:
        """End somebody's membership, with the invites they sent; raises as ``change_role`` does."""
        async with self.store.alone(context.org_id):
            member = await self._member(context.org_id, user_id)
            require_may_appoint(await self._rank(context), member.role)
            return await self._end(context, member)

    async def require_may_decide_about(self, context: Context, user_id: UserId) -> None:
        """Raise NotFound for no member, Forbidden where the actor ranks below that member."""
        member = await self._member(context.org_id, user_id)
        require_may_appoint(await self._rank(context), member.role)

    async def leave(self, context: Context, user_id: UserId) -> LogHead:
        """End one's own membership, which every role may; raises Conflict (last_owner)."""
        async with self.store.alone(context.org_id):
            return await self._end(context, await self._member(context.org_id, user_id))

    async def _end(self, context: Context, member: Member) -> LogHead:
        await self._require_owner_left(context.org_id, member)
        membership = await self._membership(context.org_id, member.user_id)
        membership.end()
        void = await self._void_invites(context.org_id, member.user_id, rank=None)
        await self._void_resets(context.org_id, member, rank=None)
        teams = await self._left_teams(context.org_id, member.user_id)
        self.store.when_true(lambda: self.on_change(member.user_id))
        return await self.store.save(context, membership, *void, *teams)

    async def _left_teams(self, org_id: OrgId, user_id: UserId) -> Sequence[Team]:
        """The teams of somebody who leaves the organization, without them."""
        async with self.store.pools.reading(org_id) as connection:
            team_ids = await team_ids_of(connection, org_id.uuid, user_id.uuid)
        stream_ids = [team_id.uuid for team_id in team_ids]
        teams = await self.store.load_many(Team, org_id=org_id, stream_ids=stream_ids)
        for team in teams:
            team.remove_member(user_id)
        return teams

    async def _void_invites(
        self, org_id: OrgId, user_id: UserId, *, rank: Role | None
    ) -> Sequence[Invite]:
        """The open invites that a person of that rank could not have sent, withdrawn.

        Else who is about to be removed keeps a way back. Their links find the invite withdrawn.
        """
        async with self.store.pools.reading(org_id) as connection:
            found = await list_open_invites(connection, org_id.uuid)
        stream_ids = [
            invite.invite_id.uuid
            for invite in found
            if invite.sent_by_id == str(user_id)
            and (rank is None or not may_appoint(rank, invite.role))
        ]
        void = await self.store.load_many(Invite, org_id=org_id, stream_ids=stream_ids)
        for invite in void:
            invite.withdraw()
        return void

    async def _void_resets(self, org_id: OrgId, member: Member, *, rank: Role | None) -> None:
        """Take away the links to a new password that were made for somebody of another rank.

        And all that the organization made where who loses rank may have made them: a row does not
        say by whom, and an hour is long enough to come back as somebody else.
        """
        has_lost = rank is None or RANKS[rank] < RANKS[member.role]
        may_be_theirs = has_lost and allows(member.role, Scope.MEMBERS_MANAGE)
        async with self.store.together() as unit:
            await withdraw_resets(
                await unit.connection(),
                [org_id],
                user_id=None if may_be_theirs else member.user_id,
            )

    async def _member(self, org_id: OrgId, user_id: UserId) -> Member:
        async with self.store.pools.reading(org_id) as connection:
            found = await find_members(connection, org_id.uuid, [user_id.uuid])
        if user_id not in found:
            raise no_such_member()
        return found[user_id]

    async def _rank(self, context: Context) -> Role:
        """The role by which the actor decides; raises Forbidden for who is no member any more."""
        match context.actor.kind:
            case "key":
                return RANK_OF_KEYS
            case "system" | "operator":
                return Role.OWNER
        return await role_of(self.store, context)

    async def _require_owner_left(self, org_id: OrgId, leaving: Member) -> None:
        if leaving.role is Role.OWNER:
            async with self.store.pools.reading(org_id) as connection:
                owners = await list_owners(connection, org_id.uuid)
            require_owner_left(owners, leaving.user_id)

    async def _membership(self, org_id: OrgId, user_id: UserId) -> Membership:
        stream_id = Membership.id_of(org_id, user_id).uuid
        return await self.store.load(Membership, org_id=org_id, stream_id=stream_id)

    async def _find_invite(self, org_id: OrgId, invite_id: InviteId) -> Invite:
        try:
            return await self.store.load(Invite, org_id=org_id, stream_id=invite_id.uuid)
        except NotFound:
            raise no_such_invite() from None


def no_such_member() -> NotFound:
    """The refusal of an id that is no member's."""
    return NotFound(
        "not_found", "There is no such member.", fix="Look at the list of members again."
    )


def no_such_invite() -> NotFound:
    """The refusal of an id that is no invite's."""
    return NotFound(
        "not_found", "There is no such invite.", fix="Look at the list of invites again."
    )


async def role_of(store: EventStore, context: Context) -> Role:
    """The role of the person who acts, of this moment; raises Forbidden for a member no more."""
    user_id = UserId.parse(context.actor.id)
    async with store.pools.reading(context.org_id) as connection:
        found = await find_members(connection, context.org_id.uuid, [user_id.uuid])
    if user_id not in found:
        raise Forbidden("scope_missing", "You do not belong to this organization any more.")
    return found[user_id].role


def _require_granted(role: Role, granted: Collection[Scope]) -> None:
    missing = sorted(str(scope) for scope in SCOPES[role] - set(granted))
    if missing:
        raise Forbidden(
            "scope_missing",
            f"The role {role} may do what this key may not: {', '.join(missing)}.",
            param="role",
            fix="Invite to a role that may do less, or use a key with these scopes.",
            allowed={"scopes": missing},
            headers={"x-accepted-scopes": " ".join(missing)},
        )


def _named(member: Member, person: rows.Person | None) -> NamedMember:
    return NamedMember(
        user_id=member.user_id,
        name=NOBODY if person is None else person.name,
        email="" if person is None else person.email,
        role=member.role,
        began_at=member.began_at,
    )
