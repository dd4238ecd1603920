"""An organization: the tenant that owns keys, jobs and outputs."""

from datetime import datetime, timedelta
from typing import Self, TypeAlias

from eventsourcing.domain import Aggregate, event

from domain.errors import InvalidInput
from domain.ids import OrgId

# A change that takes ``timestamp`` is told its event's own: it reads no clock.
Moment: TypeAlias = datetime | None

NAME_MAX_CHARACTERS = 200
# After a rotation webhooks are signed with the secret before it too, so that receivers change
# theirs in peace. Rotating all the time must not make a header that servers refuse.
WEBHOOK_SECRET_OVERLAP = timedelta(hours=24)
MOST_WEBHOOK_SECRETS = 5


class Organization(Aggregate):
    """An organization from its creation on."""

    TOPIC = "organization"

    class Event(Aggregate.Event):
        """Something that happened to an organization."""

        TOPIC = "organization.event"

    class Created(Event, Aggregate.Created):
        """The organization came to be."""

        TOPIC = "organization.created.v1"
        name: str

    class WebhookSecretRotated(Event):
        """Webhooks are signed with a new secret; the version is all that is derived from."""

        TOPIC = "organization.webhook-secret-rotated.v1"
        version: int

    @classmethod
    def create(cls, org_id: OrgId, *, name: str) -> Self:
        """Create an organization; raises InvalidInput for an empty or endless name."""
        name = name.strip()
        if not 1 <= len(name) <= NAME_MAX_CHARACTERS or not name.isprintable():
            raise InvalidInput(
                "invalid_parameter",
                f"An organization's name has 1 to {NAME_MAX_CHARACTERS} printable characters.",
                param="name",
                fix="Use the name that people know the organization by.",
            )
        return cls._create(cls.Created, id=org_id.uuid, name=name)

    @event(Created)
    def __init__(self, *, name: str) -> None:
        self.name = name
        self.webhook_secret_rotations: list[Moment] = []

    @property
    def webhook_secret_version(self) -> int:
        """The version of the secret that webhooks are signed with first; 1 is never announced."""
        return len(self.webhook_secret_rotations) + 1

    @property
    def webhook_secret_rotated_at(self) -> Moment:
        """When that version came; None for the first."""
        return self.webhook_secret_rotations[-1] if self.webhook_secret_rotations else None

    def webhook_secret_versions(self, at: datetime) -> tuple[int, ...]:
        """The versions to sign with at that time, newest first, five at the most."""
        rotations = reversed(self.webhook_secret_rotations)
        overlapping = sum(1 for then in rotations if then and at < then + WEBHOOK_SECRET_OVERLAP)
        newest = self.webhook_secret_version
        return tuple(range(newest, newest - overlapping - 1, -1))[:MOST_WEBHOOK_SECRETS]

    def rotate_webhook_secret(self) -> None:
        """Have webhooks signed with a new secret from now on."""
        self._webhook_secret_rotated(version=self.webhook_secret_version + 1)

    @event(WebhookSecretRotated)
    def _webhook_secret_rotated(
        self,
        version: int,  # noqa: ARG002 - for whoever derives the secret without us
        timestamp: Moment = None,
    ) -> None:
        self.webhook_secret_rotations.append(timestamp)
