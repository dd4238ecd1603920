"""A person who signs in: known to the log by an id only.

Name, address and password are personal data and secrets: they lie beside the log
(``store/people.py``), so that a person can be erased and the chain still holds. People belong to
the installation, whose log has an id of its own; their memberships belong to organizations.
"""

from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.ids import OrgId, UserId

INSTALLATION = OrgId(UUID("00000000-0000-7000-8000-000000000001"))
"""The tenant that people belong to; no organization is ever given this id."""


class User(Aggregate):
    """A person from the registration on."""

    TOPIC = "user"

    class Event(Aggregate.Event):
        """Something that happened to a person's account."""

        TOPIC = "user.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "user.created.v1"

    class Registered(Created):
        """The person has an account."""

        TOPIC = "user.registered.v1"

    class PasswordChanged(Event):
        """The person signs in with a new password from now on."""

        TOPIC = "user.password-changed.v1"

    @classmethod
    def register(cls, user_id: UserId) -> Self:
        """Give a person an account."""
        return cls._create(cls.Registered, id=user_id.uuid)

    @event(Registered)
    def __init__(self) -> None:
        self.password_changes = 0

    def set_password(self) -> None:
        """Note that the password was set; it is kept elsewhere, as a hash."""
        self._password_changed()

    @event(PasswordChanged)
    def _password_changed(self) -> None:
        self.password_changes += 1
