"""A job: one piece of image work, from the request to its outputs."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict
from domain.ids import JobId
from domain.output import Output as Output  # noqa: PLC0414 - a job's outputs belong to its vocabulary

Status = Literal["requested", "running", "succeeded"]


class Job(Aggregate):
    """A job: requested, started, succeeded."""

    TOPIC = "job"

    class Event(Aggregate.Event):
        """Something that happened to a job."""

        TOPIC = "job.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "job.created.v1"

    class Requested(Created):
        """The job was asked for: the operation, its recipe, and the picture by its hash."""

        TOPIC = "job.requested.v1"
        operation: str
        recipe: dict[str, Any]
        recipe_hash: str
        input_sha256: str
        input_bytes: int
        preset_label: str | None
        sku: str | None
        client_ref: str | None

    class Started(Event):
        """Work on the job began; ``attempt`` counts from 1."""

        TOPIC = "job.started.v1"
        attempt: int

    class Succeeded(Event):
        """The job ended with outputs; ``cached`` says that an earlier job had made them."""

        TOPIC = "job.succeeded.v1"
        outputs: list[dict[str, Any]]
        cached: bool

    @classmethod
    def request(  # noqa: PLR0913 - the request's own words
        cls,
        job_id: JobId,
        *,
        operation: str,
        recipe: Mapping[str, Any],
        recipe_hash: str,
        input_sha256: str,
        input_bytes: int,
        preset_label: str | None = None,
        sku: str | None = None,
        client_ref: str | None = None,
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
        )

    @event(Requested)
    def __init__(  # noqa: PLR0913 - the library calls it with the fields of the event
        self,
        *,
        operation: str,
        recipe: dict[str, Any],
        recipe_hash: str,
        input_sha256: str,
        input_bytes: int,
        preset_label: str | None,
        sku: str | None,
        client_ref: str | None,
    ) -> None:
        self.operation = operation
        self.recipe = recipe
        self.recipe_hash = recipe_hash
        self.input_sha256 = input_sha256
        self.input_bytes = input_bytes
        self.preset_label = preset_label
        self.sku = sku
        self.client_ref = client_ref
        self.status: Status = "requested"
        self.attempt = 0
        self.outputs: list[dict[str, Any]] = []
        self.cached = False

    def start(self) -> None:
        """Begin work; raises Conflict when the job has begun or ended."""
        if self.status != "requested":
            raise self._not_now("started")
        self._started(attempt=self.attempt + 1)

    @event(Started)
    def _started(self, attempt: int) -> None:
        self.status = "running"
        self.attempt = attempt

    def succeed(self, outputs: list[Output], *, cached: bool) -> None:
        """End the job with its outputs; raises Conflict when it is not running."""
        if self.status != "running":
            raise self._not_now("ended")
        self._succeeded(outputs=[output.as_dict() for output in outputs], cached=cached)

    @event(Succeeded)
    def _succeeded(self, outputs: list[dict[str, Any]], cached: bool) -> None:  # noqa: FBT001
        self.status = "succeeded"
        self.outputs = outputs
        self.cached = cached

    def _not_now(self, verb: str) -> Conflict:
        return Conflict(
            "already_terminal" if self.status == "succeeded" else "version_conflict",
            f"A job that is {self.status} cannot be {verb}.",
            fix="Read the job to see its status.",
        )
