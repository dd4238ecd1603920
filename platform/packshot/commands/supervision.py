"""What who runs the installation does about its organizations, told in both logs at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from domain.errors import NotFound
from domain.ids import OrgId
from domain.org_limits import OrgLimits
from domain.organization import Organization
from domain.recorded import Actor, Context
from domain.tenant import Tenant
from domain.user import INSTALLATION
from packshot.store.events import EventStore
from packshot.store.head import LogHead


@dataclass(frozen=True, slots=True)
class Supervision:
    """The use cases of operators. Each act stands in the installation's log and in the other's.

    ``by`` is an operator, or the system where a command of the installation's own host asks.
    """

    store: EventStore
    clock: Callable[[], datetime]

    async def suspend(self, by: Actor, org_id: OrgId, *, reason: str) -> LogHead | None:
        """Shut an organization: keys and people write nothing from this commit on, jobs wait.

        Raises NotFound, InvalidInput for no reason, and Conflict where it is shut already.
        """
        return await self._act(
            by, org_id, lambda one: one.suspend(reason), lambda tenant: tenant.suspend(reason)
        )

    async def resume(self, by: Actor, org_id: OrgId) -> LogHead | None:
        """End a suspension; raises NotFound and Conflict."""
        return await self._act(by, org_id, Organization.resume, Tenant.resume)

    async def limit(self, by: Actor, org_id: OrgId, limits: OrgLimits) -> LogHead | None:
        """Say how much an organization may do; None where it may do just that."""
        return await self._act(
            by, org_id, lambda one: one.limit(limits), lambda tenant: tenant.limit(limits)
        )

    async def close(self, by: Actor, org_id: OrgId) -> LogHead | None:
        """End an organization as its owner could; raises NotFound and Conflict."""
        at = self.clock()
        return await self._act(by, org_id, lambda one: one.close(at=at), Tenant.close)

    async def reopen(self, by: Actor, org_id: OrgId) -> LogHead | None:
        """Open a closed organization again; raises Conflict once its grace is over."""
        at = self.clock()
        return await self._act(by, org_id, lambda one: one.reopen(at=at), Tenant.reopen)

    async def _act(
        self,
        by: Actor,
        org_id: OrgId,
        verb: Callable[[Organization], None],
        note: Callable[[Tenant], None],
    ) -> LogHead | None:
        """Do it and note it in one commit; the installation's log is locked before the other."""
        request_id = f"{by.id}:{uuid4()}"

        def act(log: OrgId) -> Context:
            return Context(log, by, request_id, correlation_id=request_id)

        async with self.store.together() as unit:
            await self.store.open_installation(await unit.connection())
            async with self.store.alone(INSTALLATION), self.store.alone(org_id):
                organization = await self._organization(org_id)
                verb(organization)
                if not organization.pending_events:
                    return None
                tenant = await self._tenant(organization)
                note(tenant)
                await self.store.save(act(INSTALLATION), tenant)
                head = await self.store.save(act(org_id), organization)
                await self.store.admit(org_id, is_open=organization.status == "active")
        return head

    async def _organization(self, org_id: OrgId) -> Organization:
        try:
            return await self.store.load(Organization, org_id=org_id, stream_id=org_id.uuid)
        except NotFound:
            raise no_such_organization() from None

    async def _tenant(self, organization: Organization) -> Tenant:
        org_id = OrgId(organization.id)
        try:
            return await self.store.load(Tenant, org_id=INSTALLATION, stream_id=org_id.uuid)
        except NotFound:
            return Tenant.enroll(org_id, name=organization.name)


def no_such_organization() -> NotFound:
    """The refusal of an id that is no organization's."""
    return NotFound(
        "not_found",
        "There is no such organization in this installation.",
        fix="Look at the list of organizations again.",
    )
