"""An organization in the installation's own log: what its operators did about it."""

from typing import Any, Self

from eventsourcing.domain import Aggregate, event

from domain.ids import OrgId
from domain.org_limits import OrgLimits


class Tenant(Aggregate):
    """What was done about an organization; the organization's own log tells it as well."""

    TOPIC = "tenant"

    class Event(Aggregate.Event):
        """Something that was done about an organization."""

        TOPIC = "tenant.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "tenant.created.v1"

    class Enrolled(Created):
        """The first thing is about to be done about the organization, which is called so."""

        TOPIC = "tenant.enrolled.v1"
        name: str

    class Founded(Event):
        """It was founded by an operator."""

        TOPIC = "tenant.founded.v1"

    class Suspended(Event):
        """It was suspended."""

        TOPIC = "tenant.suspended.v1"
        reason: str

    class Resumed(Event):
        """Its suspension was ended."""

        TOPIC = "tenant.resumed.v1"

    class Limited(Event):
        """It was given limits."""

        TOPIC = "tenant.limited.v1"
        limits: dict[str, Any]

    class Closed(Event):
        """It was closed."""

        TOPIC = "tenant.closed.v1"

    class Reopened(Event):
        """It was opened again."""

        TOPIC = "tenant.reopened.v1"

    @classmethod
    def enroll(cls, org_id: OrgId, *, name: str) -> Self:
        """Begin to record about an organization."""
        return cls._create(cls.Enrolled, id=org_id.uuid, name=name)

    @event(Enrolled)
    def __init__(self, *, name: str) -> None:
        self.name = name
        self.acts = 0

    def found(self) -> None:
        """Note that it was founded."""
        self._founded()

    @event(Founded)
    def _founded(self) -> None:
        self.acts += 1

    def suspend(self, reason: str) -> None:
        """Note that it was suspended, and why."""
        self._suspended(reason=reason)

    @event(Suspended)
    def _suspended(self, reason: str) -> None:  # noqa: ARG002 - for whoever reads the log
        self.acts += 1

    def resume(self) -> None:
        """Note that its suspension was ended."""
        self._resumed()

    @event(Resumed)
    def _resumed(self) -> None:
        self.acts += 1

    def limit(self, limits: OrgLimits) -> None:
        """Note how much it may do."""
        self._limited(limits=limits.as_dict())

    @event(Limited)
    def _limited(self, limits: dict[str, Any]) -> None:  # noqa: ARG002 - for who reads the log
        self.acts += 1

    def close(self) -> None:
        """Note that it was closed."""
        self._closed()

    @event(Closed)
    def _closed(self) -> None:
        self.acts += 1

    def reopen(self) -> None:
        """Note that it was opened again."""
        self._reopened()

    @event(Reopened)
    def _reopened(self) -> None:
        self.acts += 1
