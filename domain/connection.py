"""A connection: an organization's access to one of its shops, from connecting to disconnecting.

Its credentials are sealed elsewhere; here stand only their fingerprint, their last four characters
and who gave them.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from eventsourcing.domain import Aggregate, event

from domain.errors import InvalidInput, NotFound, Refusal
from domain.ids import IntegrationId, JobId, SyncId
from domain.recorded import Actor

NAME_MAX_CHARACTERS = 100
Status = Literal["connected", "failing", "disconnected"]


class Connection(Aggregate):
    """A connection to a shop of one kind; an integration, to callers of the API."""

    TOPIC = "connection"

    class Event(Aggregate.Event):
        """Something that happened to a connection."""

        TOPIC = "connection.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "connection.created.v1"

    class Connected(Created):
        """The shop answered to the credentials, and they were sealed.

        ``settings`` hold where the shop is and no secret; ``account`` is what the shop calls
        itself. ``fingerprint`` and ``hint`` are of the credentials, None where there are none.
        """

        TOPIC = "connection.connected.v1"
        kind: str
        name: str
        settings: dict[str, Any]
        account: str
        fingerprint: str | None
        hint: str | None
        given_by: dict[str, str]

    class Renamed(Event):
        """People call the connection otherwise."""

        TOPIC = "connection.renamed.v1"
        name: str

    class CredentialsRotated(Event):
        """New credentials were sealed in the place of the old ones; ``version`` counts from 1."""

        TOPIC = "connection.credentials-rotated.v1"
        version: int
        account: str
        fingerprint: str
        hint: str
        given_by: dict[str, str]

    class Failed(Event):
        """The shop does not answer as it should; ``error`` is the refusal that says why."""

        TOPIC = "connection.failed.v1"
        error: dict[str, Any]

    class Recovered(Event):
        """The shop answers again."""

        TOPIC = "connection.recovered.v1"

    class SyncRequested(Event):
        """A sync of the catalog was asked for; the job does it."""

        TOPIC = "connection.sync-requested.v1"
        sync_id: str
        job_id: str

    class Disconnected(Event):
        """The connection is over and its credentials are destroyed."""

        TOPIC = "connection.disconnected.v1"

    @classmethod
    def connect(  # noqa: PLR0913 - everything that a connection begins with
        cls,
        integration_id: IntegrationId,
        *,
        kind: str,
        name: str,
        settings: Mapping[str, Any],
        account: str,
        fingerprint: str | None,
        hint: str | None,
        given_by: Actor,
    ) -> Self:
        """Connect to a shop that has answered; raises InvalidInput for a name that cannot be."""
        return cls._create(
            cls.Connected,
            id=integration_id.uuid,
            kind=kind,
            name=_checked_name(name),
            settings=dict(settings),
            account=account,
            fingerprint=fingerprint,
            hint=hint,
            given_by=given_by.as_dict(),
        )

    @event(Connected)
    def __init__(  # noqa: PLR0913 - the library calls it with the fields of the event
        self,
        *,
        kind: str,
        name: str,
        settings: dict[str, Any],
        account: str,
        fingerprint: str | None,
        hint: str | None,
        given_by: dict[str, str],
    ) -> None:
        self.kind = kind
        self.name = name
        self.settings = settings
        self.account = account
        self.fingerprint = fingerprint
        self.hint = hint
        self.given_by = given_by
        self.credentials_version = 1
        self.status: Status = "connected"
        self.error: dict[str, Any] | None = None
        self.sync_id: SyncId | None = None
        self.sync_job_id: JobId | None = None

    @property
    def integration_id(self) -> IntegrationId:
        """The connection's id."""
        return IntegrationId(self.id)

    @property
    def is_demo(self) -> bool:
        """Whether the shop is the demo shop of this installation."""
        return self.settings.get("demo") is True

    @property
    def url(self) -> str | None:
        """Where the shop is; None for the demo shop, which may be elsewhere at each start."""
        url: str | None = self.settings.get("url")
        return url

    def rename(self, name: str) -> None:
        """Call the connection otherwise; raises InvalidInput, and NotFound when it is over."""
        self._expect_connected()
        name = _checked_name(name)
        if name != self.name:
            self._renamed(name=name)

    @event(Renamed)
    def _renamed(self, name: str) -> None:
        self.name = name

    def rotate_credentials(
        self, *, account: str, fingerprint: str, hint: str, given_by: Actor
    ) -> None:
        """Take new credentials that the shop has accepted.

        Raises InvalidInput for the demo shop, which has none, and NotFound when it is over.
        """
        self._expect_connected()
        if self.is_demo:
            raise InvalidInput(
                "invalid_parameter",
                "The demo shop has no credentials of its own.",
                param="credentials",
                fix="Connect a shop of your own.",
            )
        self._credentials_rotated(
            version=self.credentials_version + 1,
            account=account,
            fingerprint=fingerprint,
            hint=hint,
            given_by=given_by.as_dict(),
        )

    @event(CredentialsRotated)
    def _credentials_rotated(
        self, version: int, account: str, fingerprint: str, hint: str, given_by: dict[str, str]
    ) -> None:
        self.credentials_version = version
        self.account = account
        self.fingerprint = fingerprint
        self.hint = hint
        self.given_by = given_by
        self.status = "connected"
        self.error = None

    def fail(self, reason: Refusal) -> None:
        """Note that the shop does not answer as it should; what is known already says nothing."""
        if self.status == "disconnected":
            return
        if self.error is None or self.error["code"] != reason.code:
            self._failed(error=reason.as_dict())

    @event(Failed)
    def _failed(self, error: dict[str, Any]) -> None:
        self.status = "failing"
        self.error = error

    def recover(self) -> None:
        """Note that the shop answers again; says nothing of one that never ceased to."""
        if self.status == "failing":
            self._recovered()

    @event(Recovered)
    def _recovered(self) -> None:
        self.status = "connected"
        self.error = None

    def request_sync(self, sync_id: SyncId, *, job_id: JobId) -> None:
        """Ask for a sync of the catalog; raises NotFound when the connection is over."""
        self._expect_connected()
        self._sync_requested(sync_id=str(sync_id), job_id=str(job_id))

    @event(SyncRequested)
    def _sync_requested(self, sync_id: str, job_id: str) -> None:
        self.sync_id = SyncId.parse(sync_id)
        self.sync_job_id = JobId.parse(job_id)

    def disconnect(self) -> None:
        """End the connection; raises NotFound when it is over."""
        self._expect_connected()
        self._disconnected()

    @event(Disconnected)
    def _disconnected(self) -> None:
        self.status = "disconnected"

    def _expect_connected(self) -> None:
        """Over is over: to callers there is no such integration any more."""
        if self.status == "disconnected":
            raise NotFound(
                "not_found", "There is no such integration.", fix="Check the integrationId."
            )


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= NAME_MAX_CHARACTERS or not name.isprintable():
        raise InvalidInput(
            "invalid_parameter",
            f"A connection's name has 1 to {NAME_MAX_CHARACTERS} printable characters.",
            param="name",
            fix="Use the name that people know the shop by.",
        )
    return name
