"""What a campaign prints: one table, and the seed that does it again."""

from collections import Counter

from chaos.campaign import Outcome
from chaos.history import Happening


def rows_of(outcome: Outcome) -> list[tuple[str, str]]:
    """The rows of the table."""
    struck = Counter(f"{strike.action} {strike.target}" for strike in outcome.struck)
    ends = Counter(end_of(events) for events in _acknowledged(outcome))
    requests = sum(entry.sent for entry in outcome.entries)
    repeats = sum(len(entry.repeats) for entry in outcome.entries)
    slowest_s = max((entry.slowest_s for entry in outcome.entries), default=0.0)
    return [
        ("seed", str(outcome.seed)),
        ("kills", str(sum(strike.action != "freeze" for strike in outcome.struck))),
        *((f"  {name}", str(count)) for name, count in sorted(struck.items())),
        ("missed", str(len(outcome.missed))),
        ("requests", f"{requests} for {len(outcome.entries)} wishes, {repeats} repeats"),
        ("slowest answer", f"{slowest_s:.1f} s"),
        ("acknowledged", str(sum(ends.values()))),
        ("done", str(ends["succeeded"])),
        ("dead", str(ends["dead"])),
        ("failed", f"{ends['failed']} (broken pictures)"),
        ("partial", f"{ends['partly-succeeded']} (batches with a broken picture)"),
        ("cancelled", str(ends["cancelled"])),
        ("lost", str(len(outcome.verdict.lost))),
        ("doubled", str(len(outcome.verdict.doubled))),
        ("objections", str(len(outcome.verdict.objections))),
        ("events", str(len(outcome.history.events))),
        ("webhooks taken", str(outcome.webhooks)),
        ("took", f"{outcome.took_s:.0f} s"),
    ]


def printed(outcome: Outcome) -> str:
    """The table, and what does not fit below it."""
    rows = rows_of(outcome)
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    if not outcome.verdict.holds:
        lines += ["", str(outcome.verdict), f"again: SEED={outcome.seed}"]
    return "\n".join(lines)


def end_of(events: list[Happening]) -> str:
    """How a job has ended: succeeded, cancelled, failed, or dead: given up over lost workers."""
    last = events[-1]
    if last.type == "job.failed.v1" and last.data["error"]["code"] == "job_dead":
        return "dead"
    return last.type.split(".")[1]


def _acknowledged(outcome: Outcome) -> list[list[Happening]]:
    jobs = outcome.history.jobs
    told = {entry.job_id for entry in outcome.entries if entry.job_id is not None}
    return [jobs[job_id] for job_id in sorted(told & jobs.keys())]
