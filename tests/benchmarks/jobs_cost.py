"""What a job costs beside its render, and how soon it begins on an idle system."""

import time
from statistics import median, quantiles
from typing import Any

import psutil

from api.photos import red_box
from benchmarks.jobs_installation import (
    Installation,
    an_installation,
    cpu_s,
    never_the_same,
    server_cpu_s,
)
from benchmarks.rows import row

ROUNDS = 5
JOBS = 100  # a round
STARTS = 60
IDLE_S = 0.3
SMALL = {"width": "64", "height": "64"}
P95 = 94  # of the 99 cuts into hundredths
OURS = ("api", "relay", "worker", "projector")


def cost_rows() -> list[dict[str, Any]]:
    """The rows ``job-overhead``, its parts, and ``job-start``.

    The overhead is the processor time of the API, the relay, the worker without its renderers, and
    the projector, asked over HTTP while earlier jobs are done; the servers are reported apart.
    """
    with an_installation(workers=1, renderers=2) as installation, installation.relaying() as relay:
        rounds = [_costs_ms(installation, relay) for _ in range(1 + ROUNDS)][1:]
        starts = _starts_ms(installation)
    cost = {name: median(each[name] for each in rounds) for name in rounds[0]}
    overhead = median(sum(each[name] for name in OURS) for each in rounds)
    return [
        row("job-overhead", overhead, unit="ms", target=25.0),
        *(row(f"job-overhead-{name}", cost[name], unit="ms") for name in cost),
        row("job-start", quantiles(starts, n=100)[P95 - 1], unit="ms", target=250.0),
        row("job-start-median", median(starts), unit="ms"),
    ]


def _costs_ms(installation: Installation, relay: psutil.Process) -> dict[str, float]:
    """Milliseconds of processor a job, by process."""
    ours = {
        "api": installation.api,
        "relay": relay,
        "worker": installation.workers[0],
        "projector": installation.projector,
    }

    def spent_s() -> dict[str, float]:
        spent = {name: cpu_s(process) for name, process in ours.items()}
        return spent | {n: server_cpu_s(server) for n, server in installation.servers.items()}

    photos = [never_the_same(red_box()) for _ in range(JOBS)]
    before = spent_s()
    installation.wait_until_done(installation.ask(photos, **SMALL))
    after = spent_s()
    return {name: (after[name] - before[name]) * 1000 / JOBS for name in before}


def _starts_ms(installation: Installation) -> list[float]:
    """Milliseconds from the 202 to the start that the log tells, each on an idle system."""
    waits = []
    for _ in range(STARTS):
        time.sleep(IDLE_S)
        job_id, answered_s = installation.ask_one(never_the_same(red_box()), **SMALL)
        installation.wait_until_done([job_id])
        (started, _ended) = installation.spans([job_id])[job_id.uuid]
        waits.append((started.timestamp() - answered_s) * 1000)
    return waits
