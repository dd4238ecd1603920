"""An organization: the tenant that owns keys, jobs and outputs."""

from typing import Self

from eventsourcing.domain import Aggregate, event

from domain.errors import InvalidInput
from domain.ids import OrgId

NAME_MAX_CHARACTERS = 200


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
