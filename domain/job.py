"""A job: one piece of image work, from the request to its outputs or to the reason why not.

A batch is a job too: it is worked on through its items, each a job of its own that names it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self, TypeAlias

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict, Refusal
from domain.ids import JobId
from domain.output import Output as Output  # noqa: PLC0414 - a job's outputs belong to its vocabulary

# A change that takes ``timestamp`` is told its event's own: it reads no clock.
Moment: TypeAlias = datetime | None
Status = Literal["requested", "queued", "running", "succeeded", "partial", "failed", "cancelled"]
# A worker that is shut down costs the job nothing; a renderer that dies over it does.
Cost = Literal["nothing", "try", "renderer"]

ENDED: tuple[Status, ...] = ("succeeded", "partial", "failed", "cancelled")
MOST_TRIES = 5
# A job that took three workers or renderers down with it is the reason, not the victim.
MOST_LOSSES = 3
LOWEST_PRIORITY, USUAL_PRIORITY, HIGHEST_PRIORITY = 0, 5, 9


class Job(Aggregate):
    """A job: requested, queued, started; then succeeded, failed or cancelled."""

    TOPIC = "job"

    class Event(Aggregate.Event):
        """Something that happened to a job."""

        TOPIC = "job.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "job.created.v1"

    class Requested(Created):
        """The job was asked for: the operation, its recipe, and the picture.

        The picture is named by its hash, or by the address it is still to be fetched from, without
        the address's query, which may hold a credential; so is the receiver of the webhook.
        A batch has ``items``, their number, and no picture; an item names its ``batch_id``.
        """

        TOPIC = "job.requested.v1"
        operation: str
        recipe: dict[str, Any]
        recipe_hash: str
        input_sha256: str | None
        input_bytes: int | None
        preset_label: str | None
        sku: str | None
        client_ref: str | None
        input_address: str | None = None
        webhook_address: str | None = None
        items: int | None = None
        batch_id: str | None = None

    class Queued(Event):
        """The job waits for a worker, not before ``not_before`` (ISO 8601) where one is given."""

        TOPIC = "job.queued.v1"
        priority: int
        not_before: str | None

    class Started(Event):
        """Work on the job began; ``attempt`` counts from 1."""

        TOPIC = "job.started.v1"
        attempt: int

    class Postponed(Event):
        """An attempt ended for a reason that may pass; the next one comes at ``not_before``.

        ``cost`` is what the job has one less of.
        """

        TOPIC = "job.postponed.v1"
        reason: dict[str, Any]
        not_before: str
        cost: str

    class Interrupted(Event):
        """The worker was lost in the middle of an attempt."""

        TOPIC = "job.interrupted.v1"

    class Succeeded(Event):
        """The job ended with outputs; ``cached`` says that an earlier job had made them.

        Those of a batch stand in the events of its items.
        """

        TOPIC = "job.succeeded.v1"
        outputs: list[dict[str, Any]]
        cached: bool

    class PartlySucceeded(Event):
        """The batch ended, and some of its items succeeded while others did not."""

        TOPIC = "job.partly-succeeded.v1"
        succeeded: int
        unsuccessful: int

    class Failed(Event):
        """The job ended without outputs; ``error`` is the refusal that says why."""

        TOPIC = "job.failed.v1"
        error: dict[str, Any]

    class Cancelled(Event):
        """Somebody called the job off before it ended."""

        TOPIC = "job.cancelled.v1"

    class Retried(Event):
        """A job that had not wholly succeeded was queued again, with all its tries."""

        TOPIC = "job.retried.v1"

    @classmethod
    def request(  # noqa: PLR0913 - the request's own words
        cls,
        job_id: JobId,
        *,
        operation: str,
        recipe: Mapping[str, Any],
        recipe_hash: str,
        input_sha256: str | None,
        input_bytes: int | None,
        preset_label: str | None = None,
        sku: str | None = None,
        client_ref: str | None = None,
        input_address: str | None = None,
        webhook_address: str | None = None,
        items: int | None = None,
        batch_id: JobId | None = None,
    ) -> Self:
        """Ask for a job."""
        return cls._create(
            cls.Requested,
            id=job_id.uuid,
            operation=operation,
            recipe=dict(recipe),
            recipe_hash=recipe_hash,
            input_sha256=input_sha256,
            input_bytes=input_bytes,
            preset_label=preset_label,
            sku=sku,
            client_ref=client_ref,
            input_address=input_address,
            webhook_address=webhook_address,
            items=items,
            batch_id=None if batch_id is None else str(batch_id),
        )

    @event(Requested)
    def __init__(  # noqa: PLR0913 - the library calls it with the fields of the event
        self,
        *,
        operation: str,
        recipe: dict[str, Any],
        recipe_hash: str,
        input_sha256: str | None,
        input_bytes: int | None,
        preset_label: str | None,
        sku: str | None,
        client_ref: str | None,
        input_address: str | None = None,
        webhook_address: str | None = None,
        items: int | None = None,
        batch_id: str | None = None,
    ) -> None:
        self.operation = operation
        self.recipe = recipe
        self.recipe_hash = recipe_hash
        self.input_sha256 = input_sha256
        self.input_bytes = input_bytes
        self.preset_label = preset_label
        self.sku = sku
        self.client_ref = client_ref
        self.input_address = input_address
        self.webhook_address = webhook_address
        self.items = items
        self.batch_id = None if batch_id is None else JobId.parse(batch_id)
        self.status: Status = "requested"
        self.attempt = 0
        self.priority: int | None = None
        self.not_before: str | None = None
        self.postponed_for: dict[str, Any] | None = None
        self.tries_left = MOST_TRIES
        self.losses_left = MOST_LOSSES
        self.started_at: Moment = None
        self.ended_at: Moment = None
        self.outputs: list[dict[str, Any]] = []
        self.cached = False
        self.error: dict[str, Any] | None = None

    @property
    def job_id(self) -> JobId:
        """The job's id."""
        return JobId(self.id)

    @property
    def is_ended(self) -> bool:
        """Whether nothing more happens unless somebody asks for it."""
        return self.status in ENDED

    @property
    def is_spent(self) -> bool:
        """Whether another attempt is one too many."""
        return self.tries_left <= 0 or self.losses_left <= 0

    def queue(self, *, priority: int = USUAL_PRIORITY, not_before: datetime | None = None) -> None:
        """Have the job wait for a worker; raises Conflict when it was begun already."""
        self._expect("requested", verb="queued")
        not_before_text = None if not_before is None else not_before.isoformat()
        self._queued(priority=priority, not_before=not_before_text)

    @event(Queued)
    def _queued(self, priority: int, not_before: str | None) -> None:
        self.status = "queued"
        self.priority = priority
        self.not_before = not_before

    def start(self) -> None:
        """Begin an attempt; raises Conflict when one runs or the job has ended."""
        self._expect("requested", "queued", verb="started")
        self._started(attempt=self.attempt + 1)

    @event(Started)
    def _started(self, attempt: int, timestamp: Moment = None) -> None:
        self.status = "running"
        self.not_before = self.postponed_for = None
        self.attempt = attempt
        self.tries_left -= 1
        self.started_at = timestamp

    def postpone(self, reason: Refusal, *, not_before: datetime, cost: Cost) -> None:
        """End the attempt and wait for the next; raises Conflict when none is running."""
        self._expect("running", verb="postponed")
        self._postponed(reason=reason.as_dict(), not_before=not_before.isoformat(), cost=cost)

    @event(Postponed)
    def _postponed(self, reason: dict[str, Any], not_before: str, cost: str) -> None:
        self.status = "queued"
        self.postponed_for = reason
        self.not_before = not_before
        self.tries_left += cost == "nothing"
        self.losses_left -= cost == "renderer"

    def interrupt(self) -> None:
        """Note that the worker of the attempt was lost; raises Conflict when none is running."""
        self._expect("running", verb="interrupted")
        self._interrupted()

    @event(Interrupted)
    def _interrupted(self) -> None:
        self.status = "queued"
        self.losses_left -= 1

    def succeed(self, outputs: list[Output], *, cached: bool) -> None:
        """End the job with its outputs; raises Conflict when it is not running."""
        self._expect("running", verb="ended")
        self._succeeded(outputs=[output.as_dict() for output in outputs], cached=cached)

    @event(Succeeded)
    def _succeeded(
        self,
        outputs: list[dict[str, Any]],
        cached: bool,  # noqa: FBT001 - a field of the event
        timestamp: Moment = None,
    ) -> None:
        self.status = "succeeded"
        self.outputs = outputs
        self.cached = cached
        self.ended_at = timestamp

    def succeed_partly(self, *, succeeded: int, unsuccessful: int) -> None:
        """End a batch of which some items succeeded; raises Conflict when it is not running."""
        self._expect("running", verb="ended")
        self._partly_succeeded(succeeded=succeeded, unsuccessful=unsuccessful)

    @event(PartlySucceeded)
    def _partly_succeeded(
        self,
        succeeded: int,  # noqa: ARG002 - for whoever reads the log
        unsuccessful: int,  # noqa: ARG002 - for whoever reads the log
        timestamp: Moment = None,
    ) -> None:
        self.status = "partial"
        self.ended_at = timestamp

    def fail(self, reason: Refusal, *, of: str) -> None:
        """End the job with the reason why it has no outputs; raises Conflict when it has ended.

        ``of`` is the id of the request that asked for the job, under which logs are found.
        """
        self._expect("queued", "running", verb="ended")
        self._failed(error={**reason.as_dict(), "request_id": of})

    @event(Failed)
    def _failed(self, error: dict[str, Any], timestamp: Moment = None) -> None:
        self.status = "failed"
        self.not_before = self.postponed_for = None
        self.error = error
        self.ended_at = timestamp

    def cancel(self) -> None:
        """Call the job off; raises Conflict when it has ended."""
        self._expect("queued", "running", verb="cancelled")
        self._cancelled()

    @event(Cancelled)
    def _cancelled(self, timestamp: Moment = None) -> None:
        self.status = "cancelled"
        self.not_before = self.postponed_for = None
        self.ended_at = timestamp

    def retry(self) -> None:
        """Queue a job that did not wholly succeed once more; raises Conflict for any other."""
        self._expect("partial", "failed", "cancelled", verb="retried")
        self._retried()

    @event(Retried)
    def _retried(self) -> None:
        self.status = "queued"
        self.tries_left = MOST_TRIES
        self.losses_left = MOST_LOSSES
        self.error = None
        self.ended_at = None

    def _expect(self, *allowed: Status, verb: str) -> None:
        if self.status not in allowed:
            raise Conflict(
                "already_terminal" if self.is_ended else "version_conflict",
                f"A job that is {self.status} cannot be {verb}.",
                fix="Read the job to see its status.",
            )
