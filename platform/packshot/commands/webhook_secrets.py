"""The secret that an organization's webhooks are signed with: shown, rotated, used."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from domain.ids import OrgId
from domain.organization import WEBHOOK_SECRET_OVERLAP, Organization
from domain.recorded import Context
from domain.webhook_secret import WebhookSecret
from packshot.store.events import EventStore
from packshot.store.head import LogHead


@dataclass(frozen=True, slots=True)
class Shown:
    """The secret of now. ``created_at`` is None for the first one, which nobody asked for.

    ``previous_valid_until`` is until when webhooks carry the signature of the one before, None
    when they do not any more.
    """

    secret: WebhookSecret
    version: int
    created_at: datetime | None
    previous_valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The use cases of webhook secrets. ``installation_key`` is what they are derived from."""

    store: EventStore
    clock: Callable[[], datetime]
    installation_key: bytes = field(repr=False)

    async def show(self, org_id: OrgId) -> Shown:
        """The organization's secret."""
        return self._shown(org_id, await self._organization(org_id))

    async def rotate(self, context: Context) -> tuple[Shown, LogHead]:
        """Make a new secret; for 24 hours webhooks are signed with the one before it too."""
        rotated: list[Organization] = []

        def rotate(organization: Organization) -> None:
            organization.rotate_webhook_secret()
            rotated.append(organization)

        head = await self.store.change(
            context, Organization, stream_id=context.org_id.uuid, verb=rotate
        )
        # Not read again: in a unit of work the log does not tell it yet.
        return self._shown(context.org_id, rotated[-1]), head

    async def signing(self, org_id: OrgId) -> list[WebhookSecret]:
        """The secrets to sign with now, newest first."""
        organization = await self._organization(org_id)
        return [
            WebhookSecret.derive(self.installation_key, org_id, version=version)
            for version in organization.webhook_secret_versions(self.clock())
        ]

    async def _organization(self, org_id: OrgId) -> Organization:
        return await self.store.load(Organization, org_id=org_id, stream_id=org_id.uuid)

    def _shown(self, org_id: OrgId, organization: Organization) -> Shown:
        version = organization.webhook_secret_version
        rotated_at = organization.webhook_secret_rotated_at
        overlap_ends = None if rotated_at is None else rotated_at + WEBHOOK_SECRET_OVERLAP
        return Shown(
            WebhookSecret.derive(self.installation_key, org_id, version=version),
            version,
            rotated_at,
            overlap_ends if overlap_ends is not None and self.clock() < overlap_ends else None,
        )
