"""Founding an organization: its log, its name and its first key, and a link for its owner."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from domain.api_key import ApiKey
from domain.errors import Forbidden, NotFound
from domain.ids import KeyId, OrgId
from domain.key_text import KeyText
from domain.organization import Organization
from domain.recorded import Actor, Context
from domain.roles import Role
from domain.scopes import EVERY_SCOPE
from packshot.commands.members import role_of
from packshot.commands.people import Invited, People
from packshot.store.claims import Claim
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.secrets import Secrets
from projections.organizations import KnownOrganization, find_organization


@dataclass(frozen=True, slots=True)
class Created:
    """A new organization.

    ``secret`` is the text of its first key and ``link_secret`` the end of the link that makes
    whoever opens it the first owner; both are known only here and now.
    """

    org_id: OrgId
    key_id: KeyId
    secret: str = field(repr=False)
    link_secret: str = field(repr=False)
    head: LogHead


@dataclass(frozen=True, slots=True)
class Organizations:
    """The use cases of organizations."""

    store: EventStore
    secrets: Secrets
    people: People
    clock: Callable[[], datetime]

    async def find(self, org_id: OrgId) -> KnownOrganization:
        """An organization as its members know it; raises NotFound."""
        async with self.store.pools.reading(org_id) as connection:
            found = await find_organization(connection, org_id.uuid)
        if found is None:
            raise NotFound("not_found", "There is no such organization.")
        return found

    async def rename(self, context: Context, name: str) -> tuple[KnownOrganization, LogHead | None]:
        """Call it something else; no head where it is called so. Raises InvalidInput."""
        before = await self.find(context.org_id)
        async with self.store.alone(context.org_id):
            organization = await self._load(context.org_id)
            organization.rename(name)
            after = replace(before, name=organization.name)
            if not organization.pending_events:
                return after, None
            return after, await self.store.save(context, organization)

    async def close(self, context: Context) -> LogHead:
        """End an organization, for an owner: its keys and pages are shut with the same commit.

        Who runs the installation can open it again for a while; see ``Organization.close``.
        """
        async with self.store.alone(context.org_id):
            if await role_of(self.store, context) is not Role.OWNER:
                raise Forbidden(
                    "scope_missing",
                    "Only an owner closes an organization.",
                    fix="Ask an owner of the organization.",
                )
            organization = await self._load(context.org_id)
            organization.close(at=self.clock())
            head = await self.store.save(context, organization)
            await self.store.admit(context.org_id, is_open=False)
        return head

    async def _load(self, org_id: OrgId) -> Organization:
        return await self.store.load(Organization, org_id=org_id, stream_id=org_id.uuid)

    async def create(self, name: str, *, actor_id: str) -> Created:
        """Found an organization with one key of every scope; raises InvalidInput for its name."""
        org_id, key_id = OrgId.new(), KeyId.new()
        organization = Organization.create(org_id, name=name)
        text = KeyText.make("live")
        key = ApiKey.issue(
            key_id,
            name="First key",
            text=text,
            mac=self.secrets.mac(text.text),
            pepper_id=self.secrets.newest_pepper,
            scopes=EVERY_SCOPE,
        )
        context = _of_the_system(org_id, actor_id)
        await self.store.open_log(
            context, organization, key, claims=[Claim("api-key", text.kid, key_id.uuid)]
        )
        invited = await self.people.invite(context, Role.OWNER)
        return Created(org_id, key_id, text.text, invited.secret, invited.head)

    async def invite(self, org_id: OrgId, role: Role, *, actor_id: str) -> Invited:
        """Invite somebody for who runs the installation; raises NotFound."""
        try:
            await self._load(org_id)
        except NotFound:
            raise NotFound(
                "not_found",
                f"There is no organization {org_id} in this installation.",
                fix="Name the data folder of the one that is meant with --data DIR.",
            ) from None
        return await self.people.invite(_of_the_system(org_id, actor_id), role)


def _of_the_system(org_id: OrgId, actor_id: str) -> Context:
    request_id = f"{actor_id}:{uuid4()}"
    return Context(org_id, Actor("system", actor_id), request_id, correlation_id=request_id)
