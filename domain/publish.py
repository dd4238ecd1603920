"""A publish: one picture brought to a listing of a shop, or an earlier publish taken back.

What the listing showed is in the log before anything is written, so it can always be given back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal, Self, TypeAlias

from eventsourcing.domain import Aggregate, event

from domain import publish_events
from domain.errors import Conflict, Refusal
from domain.ids import IntegrationId, JobId, OutputId, PublishId
from domain.listing import Image, ListingPlan, Mode, Target, Wish

# A change that takes ``timestamp`` is told its event's own: it reads no clock.
Moment: TypeAlias = datetime | None
Status = Literal["queued", "planned", "uploading", "processing", "live", "failed", "unknown",
                 "drifted", "rolled_back"]  # fmt: skip

UNDER_WAY: tuple[Status, ...] = ("queued", "planned", "uploading", "processing")
SETTLED: tuple[Status, ...] = ("live", "failed", "drifted", "rolled_back")
MOST_PLANS = 3
# In these something was sent, or may have been, and nobody has seen yet what came of it.
SENT: tuple[Status, ...] = ("uploading", "processing", "unknown")


class Publish(Aggregate):
    """A publish: requested, planned, started, submitted; then live, failed, unknown or drifted."""

    TOPIC = "publish"

    # The library and the codec of the log look for events in the aggregate that records them.
    Event = publish_events.Event
    Created = publish_events.Created
    Requested = publish_events.Requested
    Planned = publish_events.Planned
    Started = publish_events.Started
    Submitted = publish_events.Submitted
    Succeeded = publish_events.Succeeded
    Failed = publish_events.Failed
    Doubted = publish_events.Doubted
    Drifted = publish_events.Drifted
    Recovered = publish_events.Recovered
    Retried = publish_events.Retried
    UndoRequested = publish_events.UndoRequested
    RolledBack = publish_events.RolledBack

    @classmethod
    def request(cls, publish_id: PublishId, wish: Wish, *, job_id: JobId) -> Self:
        """Ask for a publish; ``job_id`` is the job that carries it out."""
        return cls._create(cls.Requested, id=publish_id.uuid, **wish.as_dict(), job_id=str(job_id))

    @event(Requested)
    def __init__(  # noqa: PLR0913 - the library calls it with the fields of the event
        self,
        *,
        integration_id: str,
        target: dict[str, Any],
        mode: Mode,
        require_compliance: str,
        output_id: str | None,
        output_sha256: str | None,
        undo_of: str | None,
        base_digest: str | None,
        job_id: str,
    ) -> None:
        self.wish = Wish(
            IntegrationId.parse(integration_id),
            Target(**target),
            mode,
            require_compliance,
            None if output_id is None else OutputId.parse(output_id),
            output_sha256,
            None if undo_of is None else PublishId.parse(undo_of),
            base_digest,
        )
        self.job_id = JobId.parse(job_id)
        self.status: Status = "queued"
        self.plan_number = 0
        self.planned: ListingPlan | None = None
        self.attempts: list[dict[str, Any]] = []
        self.receipt: dict[str, Any] | None = None
        self.digest: str | None = None
        self.after: list[Image] = []
        self.remote: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.found: list[Image] | None = None
        self.undone_by: PublishId | None = None
        self.ended_at: Moment = None

    @property
    def publish_id(self) -> PublishId:
        """The publish's id."""
        return PublishId(self.id)

    @property
    def is_settled(self) -> bool:
        """Whether it is known what came of it, so that its job has nothing left to do."""
        return self.status in SETTLED

    @property
    def may_plan_again(self) -> bool:
        """Whether a listing that changed may be planned for as it is now: nobody saw the plan."""
        is_seen = self.wish.base_digest is not None or self.wish.undo_of is not None
        return not is_seen and self.plan_number < MOST_PLANS

    @property
    def idempotency_key(self) -> str:
        """The key under which the shop does the plan once, however often it is told.

        A new plan is a new wish: the shop's answer to the one that failed must not be its answer.
        """
        number = f"-{self.plan_number}" if self.plan_number > 1 else ""
        return f"{self.publish_id}{number}"

    def plan(self, plan: ListingPlan) -> None:
        """Keep what the listing shows and what it shall show.

        Also once more, where the listing had changed before the last plan was carried out.
        Raises Conflict when it has ended.
        """
        self._expect("queued", "planned", "uploading", verb="planned")
        self._planned(plan_number=self.plan_number + 1, **asdict(plan))

    @event(Planned)
    def _planned(
        self,
        plan_number: int,
        item: dict[str, Any],
        base_digest: str,
        before: list[dict[str, Any]],
        steps: list[dict[str, Any]],
        timestamp: Moment = None,
    ) -> None:
        self._close_attempt("drifted", timestamp)
        self.status = "planned"
        self.plan_number = plan_number
        self.planned = ListingPlan(item, base_digest, before, steps)

    def start(self) -> None:
        """Begin to tell the shop, also once more where it was seen that nothing came of it.

        Raises Conflict without a plan, and when it has ended.
        """
        self._expect("planned", "uploading", "unknown", verb="started")
        self._started(attempt=len(self.attempts) + 1)

    @event(Started)
    def _started(self, attempt: int, timestamp: Moment = None) -> None:
        self.status = "uploading"
        self.error = None
        self._close_attempt("unknown", timestamp)
        self.attempts = [*self.attempts, {"attempt": attempt, "started_at": timestamp}]

    def submit(self, receipt: Mapping[str, Any], *, pending: bool) -> None:
        """Note what the shop answered; raises Conflict when nothing was sent."""
        self._expect("uploading", verb="submitted")
        self._submitted(receipt=dict(receipt), pending=pending)

    @event(Submitted)
    def _submitted(self, receipt: dict[str, Any], pending: bool) -> None:  # noqa: FBT001, ARG002 - fields of the event
        self.status = "processing"
        self.receipt = receipt

    def succeed(
        self, *, digest: str, after: Sequence[Image], remote: Mapping[str, Any] | None
    ) -> None:
        """End it: the listing shows what was wanted; raises Conflict when nothing was sent."""
        self._expect(*SENT, verb="ended")
        remote = None if remote is None else dict(remote)
        self._succeeded(digest=digest, after=list(after), remote=remote)

    @event(Succeeded)
    def _succeeded(
        self,
        digest: str,
        after: list[dict[str, Any]],
        remote: dict[str, Any] | None,
        timestamp: Moment = None,
    ) -> None:
        self.status = "live"
        self.digest = digest
        self.after = after
        self.remote = remote
        self._end(None, timestamp)

    def fail(self, reason: Refusal, *, of: str) -> None:
        """End it with the reason why the listing was not changed; raises Conflict when ended.

        ``of`` is the id of the request that asked for it, under which logs are found.
        """
        self._expect(*UNDER_WAY, "unknown", verb="ended")
        self._failed(error={**reason.as_dict(), "request_id": of})

    @event(Failed)
    def _failed(self, error: dict[str, Any], timestamp: Moment = None) -> None:
        self.status = "failed"
        self._end(error, timestamp)

    def doubt(self, reason: Refusal, *, of: str) -> None:
        """Note that nobody knows what came of it; raises Conflict when nothing was sent."""
        self._expect(*SENT, verb="doubted")
        self._doubted(reason={**reason.as_dict(), "request_id": of})

    @event(Doubted)
    def _doubted(self, reason: dict[str, Any], timestamp: Moment = None) -> None:
        self.status = "unknown"
        self._end(reason, timestamp)

    def give_up(self, reason: Refusal, *, of: str) -> None:
        """Take note that its job has ended without it: failed, or unknown where it was sent."""
        if self.status in {"uploading", "processing"}:
            self.doubt(reason, of=of)
        elif self.status in UNDER_WAY:
            self.fail(reason, of=of)

    def drift(self, *, digest: str, found: Sequence[Image]) -> None:
        """Note that somebody else changed the listing; raises Conflict when it has ended."""
        self._expect(*UNDER_WAY, "unknown", "live", verb="checked")
        self._drifted(digest=digest, found=list(found))

    @event(Drifted)
    def _drifted(
        self,
        digest: str,  # noqa: ARG002 - for whoever reads the log
        found: list[dict[str, Any]],
        timestamp: Moment = None,
    ) -> None:
        self.status = "drifted"
        self.found = found
        self._close_attempt("drifted", timestamp)
        self.ended_at = timestamp

    def recover(self) -> None:
        """Note that the listing shows again what was left; raises Conflict unless it drifted."""
        self._expect("drifted", verb="recovered")
        if not self.after:
            raise self._refused("recovered")
        self._recovered()

    @event(Recovered)
    def _recovered(self) -> None:
        self.status = "live"
        self.found = None

    def retry(self, job_id: JobId) -> None:
        """Have another job carry it out; raises Conflict unless it failed or is unknown."""
        self._expect("failed", "unknown", verb="retried")
        self._retried(job_id=str(job_id), former_status=self.status)

    @event(Retried)
    def _retried(self, job_id: str, former_status: str = "failed") -> None:  # noqa: ARG002 - for its view
        self.job_id = JobId.parse(job_id)
        self.error = self.ended_at = None
        if self.status == "failed":  # the listing was not changed, and may be another by now
            self.status = "queued"
            self.planned = None

    def request_undo(self, *, by: PublishId, earlier: Status | None) -> None:
        """Have it taken back, once; raises Conflict unless it was live.

        ``earlier`` is the status of the undo that was asked for before, if any: one that failed or
        drifted left everything as it was. The caller has seen that the listing is as it was left.
        """
        if self.undone_by is not None and earlier not in {"failed", "drifted"}:
            raise Conflict(
                "already_terminal",
                "This publish was already taken back, or is about to be.",
                fix="Look at its undo to see how that stands.",
            )
        if not (self.status == "live" or (self.status == "drifted" and self.after)):
            raise self._refused("taken back")
        self._undo_requested(by=str(by))

    @event(UndoRequested)
    def _undo_requested(self, by: str) -> None:
        self.undone_by = PublishId.parse(by)

    def roll_back(self, *, by: PublishId) -> None:
        """Note that it was taken back; raises Conflict unless that undo was asked for."""
        if self.undone_by != by or self.status not in {"live", "drifted"}:
            raise self._refused("taken back")
        self._rolled_back(by=str(by))

    @event(RolledBack)
    def _rolled_back(self, by: str) -> None:  # noqa: ARG002 - for whoever reads the log
        self.status = "rolled_back"

    def _end(self, error: dict[str, Any] | None, at: Moment) -> None:
        self.error = error
        self.ended_at = at
        self._close_attempt(self.status, at, error)

    def _close_attempt(self, outcome: str, at: Moment, error: Any = None) -> None:
        """End the last attempt, or say at last what came of it."""
        if self.attempts and self.attempts[-1].get("outcome", "unknown") == "unknown":
            last = {**self.attempts[-1], "ended_at": at, "outcome": outcome, "error": error}
            self.attempts = [*self.attempts[:-1], last]

    def _expect(self, *allowed: Status, verb: str) -> None:
        if self.status not in allowed:
            raise self._refused(verb)

    def _refused(self, verb: str) -> Conflict:
        return Conflict(
            "version_conflict" if self.status in UNDER_WAY else "already_terminal",
            f"A publish that is {self.status.replace('_', ' ')} cannot be {verb}.",
            fix="Read the publish to see its status.",
        )
