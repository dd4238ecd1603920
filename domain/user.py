"""A person who signs in: known to the log by an id only.

Name, address and password are personal data and secrets: they lie beside the log
(``store/people.py``), so that a person can be erased and the chain still holds. People belong to
the installation, whose log has an id of its own; their memberships belong to organizations.
"""

from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict
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

    class PasswordResetOffered(Event):
        """Whoever runs the installation made a link that gives a new password."""

        TOPIC = "user.password-reset-offered.v1"

    class PasswordReset(Event):
        """The person has a new password by a link, because the former one was lost."""

        TOPIC = "user.password-reset.v1"

    class OidcLinked(Event):
        """The person also signs in through a provider; who they are to it is told nowhere here."""

        TOPIC = "user.oidc-linked.v1"
        issuer: str

    class OidcUnlinked(Event):
        """The person signs in through that provider no more."""

        TOPIC = "user.oidc-unlinked.v1"
        issuer: str

    class Disabled(Event):
        """The person is kept out of the whole installation."""

        TOPIC = "user.disabled.v1"

    class Enabled(Event):
        """The person is let in again."""

        TOPIC = "user.enabled.v1"

    class Erased(Event):
        """What is personal about the person is gone; this id stands for nobody any more."""

        TOPIC = "user.erased.v1"

    @classmethod
    def register(cls, user_id: UserId) -> Self:
        """Give a person an account."""
        return cls._create(cls.Registered, id=user_id.uuid)

    @event(Registered)
    def __init__(self) -> None:
        self.password_changes = 0
        self.is_disabled = False
        self.is_erased = False
        self.issuers: list[str] = []

    def set_password(self) -> None:
        """Note that the password was set; it is kept elsewhere, as a hash."""
        self._password_changed()

    @event(PasswordChanged)
    def _password_changed(self) -> None:
        self.password_changes += 1

    def offer_password_reset(self) -> None:
        """Note that a link was made; its secret is kept elsewhere, as a hash."""
        self._password_reset_offered()

    @event(PasswordResetOffered)
    def _password_reset_offered(self) -> None:
        """Nothing of the account changes."""

    def reset_password(self) -> None:
        """Note that a lost password was replaced; the new one is kept elsewhere, as a hash."""
        self._password_reset()

    @event(PasswordReset)
    def _password_reset(self) -> None:
        self.password_changes += 1

    def link_oidc(self, issuer: str) -> None:
        """Note that the person signs in through a provider; raises Conflict when they do already.

        One account of a provider is enough, and with two nobody knows which one was used.
        """
        if issuer in self.issuers:
            raise Conflict(
                "already_connected",
                "Your account is linked to this provider already.",
                fix="Unlink it first, on the page Your account.",
            )
        self._oidc_linked(issuer=issuer)

    @event(OidcLinked)
    def _oidc_linked(self, issuer: str) -> None:
        self.issuers.append(issuer)

    def unlink_oidc(self, issuer: str) -> None:
        """Note the end of it; raises Conflict (already_terminal) where there was no link."""
        if issuer not in self.issuers:
            raise Conflict(
                "already_terminal",
                "Your account is not linked to this provider any more.",
                fix="Look at the page Your account again.",
            )
        self._oidc_unlinked(issuer=issuer)

    @event(OidcUnlinked)
    def _oidc_unlinked(self, issuer: str) -> None:
        self.issuers.remove(issuer)

    def disable(self) -> None:
        """Keep the person out; raises Conflict (already_terminal) for one who is."""
        if self.is_disabled:
            raise Conflict("already_terminal", "This person is disabled already.")
        self._disabled()

    @event(Disabled)
    def _disabled(self) -> None:
        self.is_disabled = True

    def enable(self) -> None:
        """Let the person in again; raises Conflict (already_terminal) for one who is not out."""
        if not self.is_disabled:
            raise Conflict("already_terminal", "This person is not disabled.")
        self._enabled()

    @event(Enabled)
    def _enabled(self) -> None:
        self.is_disabled = False

    def erase(self) -> None:
        """Note that nothing personal is kept any more; raises Conflict (already_terminal) twice."""
        if self.is_erased:
            raise Conflict("already_terminal", "This person is erased already.")
        self._erased()

    @event(Erased)
    def _erased(self) -> None:
        self.is_erased = True
