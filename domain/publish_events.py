"""What can happen to a publish: its events, as the log keeps them for ever."""

from typing import Any

from eventsourcing.domain import Aggregate


class Event(Aggregate.Event):
    """Something that happened to a publish."""

    TOPIC = "publish.event"


class Created(Event, Aggregate.Created):
    """The base of creation that the library asks for; never recorded itself."""

    TOPIC = "publish.created.v1"


class Requested(Created):
    """Somebody asked to bring an output to a listing, or to take ``undo_of`` back.

    The fields are those of ``listing.Wish``; an undo has no output.
    """

    TOPIC = "publish.requested.v1"
    integration_id: str
    target: dict[str, Any]
    mode: str
    require_compliance: str
    output_id: str | None
    output_sha256: str | None
    undo_of: str | None
    base_digest: str | None
    job_id: str


class Planned(Event):
    """The listing was read: what it shows, what it shall show, and the steps between.

    The fields are those of ``listing.ListingPlan``. ``plan_number`` counts from 1: a publish
    that failed is planned anew when it is retried.
    """

    TOPIC = "publish.planned.v1"
    plan_number: int
    item: dict[str, Any]
    base_digest: str
    before: list[dict[str, Any]]
    steps: list[dict[str, Any]]


class Started(Event):
    """From here on the shop may have been told; ``attempt`` counts from 1."""

    TOPIC = "publish.started.v1"
    attempt: int


class Submitted(Event):
    """The shop took it; ``pending`` says that it has not decided yet."""

    TOPIC = "publish.submitted.v1"
    receipt: dict[str, Any]
    pending: bool


class Succeeded(Event):
    """The listing was read again and shows what was wanted."""

    TOPIC = "publish.succeeded.v1"
    digest: str
    after: list[dict[str, Any]]
    remote: dict[str, Any] | None


class Failed(Event):
    """It ended and the listing was not changed; ``error`` is the refusal that says why."""

    TOPIC = "publish.failed.v1"
    error: dict[str, Any]


class Doubted(Event):
    """Something was sent, and whether the shop did it is not known."""

    TOPIC = "publish.doubted.v1"
    reason: dict[str, Any]


class Drifted(Event):
    """Somebody else changed the listing: it shows ``found``, of the digest ``digest``."""

    TOPIC = "publish.drifted.v1"
    digest: str
    found: list[dict[str, Any]]


class Recovered(Event):
    """A listing that had drifted was seen to show again what the publish left."""

    TOPIC = "publish.recovered.v1"


class Retried(Event):
    """One that was failed or unknown (``former_status``) was queued again, or looked at."""

    TOPIC = "publish.retried.v1"
    job_id: str
    former_status: str = "failed"


class UndoRequested(Event):
    """Somebody asked to take it back; ``by`` is the publish that does so."""

    TOPIC = "publish.undo-requested.v1"
    by: str


class RolledBack(Event):
    """The listing shows again exactly what it showed before; ``by`` is the undo."""

    TOPIC = "publish.rolled-back.v1"
    by: str
