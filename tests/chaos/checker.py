"""Holds what clients were told against what the installation says has happened."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.asks import BROKEN
from chaos.client import Answer, Entry
from chaos.history import Happening, History
from domain.job import MOST_LOSSES, MOST_TRIES
from projections.jobs import STATUS_OF

# From which status an event may follow. An attempt begins with a job that waits: one that begins
# while another runs is a second worker.
MAY_FOLLOW: Mapping[str, frozenset[str | None]] = {
    "job.requested.v1": frozenset({None}),
    "job.queued.v1": frozenset({"requested"}),
    "job.started.v1": frozenset({"requested", "queued"}),
    "job.postponed.v1": frozenset({"running"}),
    "job.interrupted.v1": frozenset({"running"}),
    "job.succeeded.v1": frozenset({"running"}),
    "job.partly-succeeded.v1": frozenset({"running"}),
    "job.failed.v1": frozenset({"queued", "running"}),
    "job.cancelled.v1": frozenset({"queued", "running"}),
    "job.retried.v1": frozenset({"partial", "failed", "cancelled"}),
}
ENDED = frozenset({"succeeded", "partial", "failed", "cancelled"})
BROKEN_CODES = frozenset({"malformed_image", "unsupported_image_format"})


@dataclass(slots=True)
class Verdict:
    """What does not fit: jobs ``lost``, jobs ``doubled``, and every other objection."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    objections: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.objections)

    def __str__(self) -> str:
        lines = [f"lost: {each}" for each in self.lost]
        lines += [f"doubled: {each}" for each in self.doubled]
        return "\n".join(lines + self.objections) or "everything fits"


def judge(entries: Sequence[Entry], history: History, *, taken: Iterable[str] = ()) -> Verdict:
    """Compare the log of a client with the history; ``taken`` are webhook-ids that were taken."""
    verdict = Verdict()
    jobs = history.jobs
    asked = Counter(_ref(events) for events in jobs.values() if not _is_item(events))
    broken = {entry.ask.ref for entry in entries if entry.ask.is_broken}
    for entry in entries:
        verdict.lost.extend(_lost(entry, jobs))
        verdict.objections.extend(_unkept(entry, jobs))
        if asked[entry.ask.ref] > 1:
            verdict.doubled.append(f"{entry.ask.ref}: {asked[entry.ask.ref]} jobs of one request")
    for job_id, events in jobs.items():
        verdict.doubled.extend(_doubled(job_id, events))
        verdict.objections.extend(_wrong_course(job_id, events))
        if _is_batch(events):
            verdict.objections.extend(_wrong_batch(job_id, events, jobs))
        else:
            is_broken = _ref(events) in broken or BROKEN in (_first(events, "input_address") or "")
            verdict.objections.extend(_wrong_failure(job_id, events, broken=is_broken))
    verdict.objections.extend(_wrong_log(history.events))
    verdict.objections.extend(_wrong_queue(history, jobs))
    verdict.objections.extend(_wrong_views(history, jobs))
    verdict.objections.extend(_wrong_files(history))
    webhooked = {entry.ask.ref for entry in entries if entry.ask.webhook}
    verdict.objections.extend(_untold(history, jobs, webhooked, taken=set(taken)))
    return verdict


def _lost(entry: Entry, jobs: Mapping[str, Sequence[Happening]]) -> Iterator[str]:
    if entry.job_id is None:
        return
    events = jobs.get(entry.job_id)
    if events is None:
        yield f"{entry.ask.ref}: {entry.job_id} was acknowledged and is not in the log"
    elif _status(events) not in ENDED:
        yield f"{entry.ask.ref}: {entry.job_id} is {_status(events)} at the end"


def _unkept(entry: Entry, jobs: Mapping[str, Sequence[Happening]]) -> Iterator[str]:
    """What the client was told and did not stay true."""
    ref, answer = entry.ask.ref, entry.answer
    yield from (f"{ref}: {strange}" for strange in entry.strange)
    if entry.ask.key is not None and answer is None:
        yield f"{ref}: was never answered"
    if answer is not None and not answer.is_acknowledged:
        yield f"{ref}: was refused: {answer.status} {answer.body[:200]!r}"
    for repeat in entry.repeats:
        yield from _wrong_repeat(entry, repeat)
    told = [each for each in (answer, *entry.repeats) if each is not None]
    originals = sum(each.is_acknowledged and not each.is_repeat for each in told)
    if originals > 1:
        yield f"{ref}: {originals} answers under one key say that they are no repeats"
    events = jobs.get(entry.job_id or "", ())
    seen = {happening.type for happening in events}
    if entry.seen is not None and entry.seen not in {STATUS_OF.get(kind) for kind in seen}:
        yield f"{ref}: was told that it had {entry.seen}, and the log says nothing of it"
    for name, told in (("cancelled", entry.cancelled), ("retried", entry.retried)):
        if told is not None and told.is_acknowledged and f"job.{name}.v1" not in seen:
            yield f"{ref}: was told that it was {name}, and the log says nothing of it"
        elif told is not None and told.status not in {200, 202, 409}:
            yield f"{ref}: could not be {name}: {told.status} {told.body[:200]!r}"


def _wrong_repeat(entry: Entry, repeat: Answer) -> Iterator[str]:
    answer = entry.answer
    if answer is not None and (repeat.status, repeat.body) != (answer.status, answer.body):
        yield (
            f"{entry.ask.ref}: a repeat was answered {repeat.status} {repeat.body[:200]!r}, "
            f"the first {answer.status} {answer.body[:200]!r}"
        )


def _doubled(job_id: str, events: Sequence[Happening]) -> Iterator[str]:
    successes = sum(happening.type == "job.succeeded.v1" for happening in events)
    if successes > 1:
        yield f"{job_id}: succeeded {successes} times"
    ends = 0
    for happening in events:
        ends = 0 if happening.type == "job.retried.v1" else ends + happening.is_end
        if ends > 1:
            yield f"{job_id}: ended again by {happening.type} at {happening.position}"


def _wrong_course(job_id: str, events: Sequence[Happening]) -> Iterator[str]:
    status: str | None = None
    for number, happening in enumerate(events, start=1):
        if happening.version != number:
            yield f"{job_id}: version {happening.version} where {number} was due"
        if status not in MAY_FOLLOW.get(happening.type, ()):
            yield f"{job_id}: {happening.type} after {status} at {happening.position}"
        status = STATUS_OF.get(happening.type, happening.type)
    if status not in ENDED:
        yield f"{job_id}: is {status} at the end"


def _wrong_failure(job_id: str, events: Sequence[Happening], *, broken: bool) -> Iterator[str]:
    """A job fails over its own picture, or because too many were lost over it; else it must not."""
    losses = tries = 0
    for happening in events:
        if happening.type == "job.retried.v1":
            losses = tries = 0
        tries += happening.type == "job.started.v1"
        losses += happening.type == "job.interrupted.v1"
        losses += happening.type == "job.postponed.v1" and happening.data["cost"] == "renderer"
        if happening.type != "job.failed.v1":
            continue
        code = happening.data["error"]["code"]
        is_dead = code == "job_dead" and (losses >= MOST_LOSSES - 1 or tries >= MOST_TRIES)
        if not is_dead and not (broken and code in BROKEN_CODES):
            yield f"{job_id}: failed with {code} after {tries} tries and {losses} losses"
    if broken and events[-1].type == "job.succeeded.v1":
        yield f"{job_id}: made a packshot of a broken picture"


def _wrong_batch(
    batch_id: str, events: Sequence[Happening], jobs: Mapping[str, Sequence[Happening]]
) -> Iterator[str]:
    """A batch has its items, and ends as they did."""
    ends = [_status(items) for items in jobs.values() if _first(items, "batch_id") == batch_id]
    if len(ends) != _first(events, "items"):
        yield f"{batch_id}: {len(ends)} items of {_first(events, 'items')}"
    done = ends.count("succeeded")
    due = "succeeded" if done == len(ends) else "partial" if done else "failed"
    if _status(events) != "cancelled" and _status(events) != due:
        yield f"{batch_id}: is {_status(events)}, and its items are {', '.join(map(str, ends))}"


def _wrong_log(events: Sequence[Happening]) -> Iterator[str]:
    reached: Counter[str] = Counter()
    for happening in events:
        reached[happening.org_id] += 1
        if happening.position != reached[happening.org_id]:
            yield f"{happening.org_id}: position {happening.position} is not the next"
            reached[happening.org_id] = happening.position


def _wrong_queue(history: History, jobs: Mapping[str, Sequence[Happening]]) -> Iterator[str]:
    for job_id, state in history.queue.items():
        status = _status(jobs.get(job_id, ()))
        if state != "ended":
            yield f"{job_id}: is still {state} in the queue"
        elif status not in {"partial", "failed", "cancelled"}:
            yield f"{job_id}: is set aside in the queue, and {status} in the log"


def _wrong_views(history: History, jobs: Mapping[str, Sequence[Happening]]) -> Iterator[str]:
    folded = {job_id: (_status(events), events[-1].version) for job_id, events in jobs.items()}
    for job_id in folded.keys() | history.views.keys():
        if folded.get(job_id) != history.views.get(job_id):
            log_says, view_says = folded.get(job_id), history.views.get(job_id)
            yield f"{job_id}: {log_says} in the log, {view_says} in the view"
    log = {(each.org_id, each.position, each.event_id) for each in history.events}
    for place in log ^ history.activity:
        yield f"{place}: in the {'log' if place in log else 'activity'} only"


def _wrong_files(history: History) -> Iterator[str]:
    yield from history.bad_files


def _untold(
    history: History,
    jobs: Mapping[str, Sequence[Happening]],
    webhooked: set[str],
    *,
    taken: set[str],
) -> Iterator[str]:
    """Every end of a job with a webhook is a delivery that was taken, or given up in order."""
    due = {
        happening.event_id
        for events in jobs.values()
        if _ref(events) in webhooked and not _is_item(events)
        for happening in events
        if happening.is_end
    }
    for event_id in due:
        state = history.deliveries.get(event_id)
        if state is None:
            yield f"{event_id}: an end without its delivery"
        elif state == "delivered" and event_id not in taken:
            yield f"{event_id}: is delivered, and nobody took it"
        elif state not in {"delivered", "exhausted", "gone"} and event_id not in taken:
            yield f"{event_id}: its delivery is {state} at the end"
    yield from (f"{event_id}: a delivery of no end" for event_id in history.deliveries.keys() - due)
    yield from (f"{told}: a webhook of no delivery" for told in taken - history.deliveries.keys())


def _first(events: Sequence[Happening], name: str) -> Any:
    """A member of a job's request; None when the job begins with something else."""
    return events[0].data.get(name)


def _ref(events: Sequence[Happening]) -> str | None:
    ref: str | None = _first(events, "client_ref")
    return ref


def _is_item(events: Sequence[Happening]) -> bool:
    return _first(events, "batch_id") is not None


def _is_batch(events: Sequence[Happening]) -> bool:
    return _first(events, "items") is not None


def _status(events: Sequence[Happening]) -> str | None:
    return STATUS_OF.get(events[-1].type) if events else None
