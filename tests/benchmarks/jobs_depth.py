"""What a job costs when ten thousand are queued, against when a hundred are."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any

from api.conftest import found
from api.photos import red_box
from benchmarks.jobs_installation import Installation, an_installation, cpu_s, server_cpu_s, until
from benchmarks.rows import paired_ratio, row
from domain.ids import JobId, OrgId
from domain.job import USUAL_PRIORITY
from given import context
from imaging.recipe import Recipe
from packshot.commands.making import Photo, Wish
from packshot.commands.requests import requested_job
from packshot.store import jobqueue
from packshot.wiring import Services, open_services

DEEP, SHALLOW = 10_000, 100
ROUNDS = 5
JOBS = 100  # a turn
ORGANIZATIONS = 10
EVENTS_OF_AN_ATTEMPT = 2  # started and succeeded
LEAST_SIDE_PX, SIDES = 32, 96
TICKET = jobqueue.Ticket(
    priority=USUAL_PRIORITY,
    not_before=None,
    correlation_id="cor_1",
    input_url=None,
    webhook_url=None,
)


@dataclass(slots=True)
class Queue:
    """An installation whose queue is kept at ``depth`` jobs when a turn ends."""

    installation: Installation
    depth: int
    organizations: list[OrgId]
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def fill(self, jobs: int) -> None:
        """Queue that many small jobs, of every organization in turn, each unlike all others.

        As POST /jobs does, but many in a transaction.
        """

        async def ask_all() -> None:
            async with open_services(self.installation.settings, render=False) as services:
                for _ in range(0, jobs, JOBS):
                    for org_id in self.organizations:
                        await self._ask(services, org_id, JOBS // len(self.organizations))

        asyncio.run(ask_all())

    async def _ask(self, services: Services, org_id: OrgId, jobs: int) -> None:
        path = services.jobs.blobs.temporary("upload")
        path.write_bytes(red_box())
        photo = Photo(path, hashlib.sha256(red_box()).hexdigest(), len(red_box()))
        await services.jobs.blobs.keep(org_id, path, sha256=photo.sha256)
        asked = [
            requested_job(JobId.new(), self._next_wish(), photo=photo, address=None)
            for _ in range(jobs)
        ]
        for job in asked:
            job.queue()
        async with services.store.together() as unit:
            await services.store.save(context(org_id), *asked)
            for job in asked:
                await jobqueue.put(await unit.connection(), org_id, job.job_id, TICKET)

    def _next_wish(self) -> Wish:
        down, across = divmod(next(self._numbers), SIDES)
        higher, down = divmod(down, SIDES)
        recipe = Recipe(
            width_px=LEAST_SIDE_PX + across, height_px=LEAST_SIDE_PX + down, quality=90 + higher
        )
        return Wish(recipe)

    def take_turn(self) -> tuple[float, float]:
        """Let JOBS jobs be done; the milliseconds of processor and of wall time of each.

        The processor's time is that of the relay, the worker without its renderer, and Postgres.
        """
        here = self.installation
        self.fill(JOBS)
        with here.relaying() as relay:
            processes = (relay, here.workers[0])

            def reading() -> tuple[int, float, float]:
                ours = sum(cpu_s(process) for process in processes)
                spent_s = ours + server_cpu_s(here.servers["postgres"])
                return here.events(self.organizations), spent_s, perf_counter()

            begun, spent_s, began_s = reading()
            enough = begun + JOBS * EVENTS_OF_AN_ATTEMPT
            until(lambda: here.events(self.organizations) >= enough)
            events, then_spent_s, ended_s = reading()
        done = (events - begun) / EVENTS_OF_AN_ATTEMPT
        return (then_spent_s - spent_s) * 1000 / done, (ended_s - began_s) * 1000 / done


def depth_rows() -> list[dict[str, Any]]:
    """The row ``queue-depth``: processor time a job, ten thousand queued ÷ a hundred queued.

    Two installations of one worker with one renderer take turns; the other one's relay is away.
    """
    with ExitStack() as stack:
        queues = [_queue(stack, depth) for depth in (DEEP, SHALLOW)]
        for number in range(1 + ROUNDS):
            for queue in queues:
                cpu_ms, wall_ms = queue.take_turn()
                if number > 0:
                    queue.cpu_ms.append(cpu_ms)
                    queue.wall_ms.append(wall_ms)
    deep, shallow = queues
    cpu, wall = (
        paired_ratio(ours, theirs)
        for ours, theirs in ((deep.cpu_ms, shallow.cpu_ms), (deep.wall_ms, shallow.wall_ms))
    )
    return [
        row("queue-depth", cpu, unit="ratio", target=1.2),
        row("queue-depth-wall", wall, unit="ratio", target=1.2),
        *(
            row(f"queue-{queue.depth}-{name}", median(figures), unit="ms")
            for queue in queues
            for name, figures in (("cpu", queue.cpu_ms), ("wall", queue.wall_ms))
        ),
    ]


def _queue(stack: ExitStack, depth: int) -> Queue:
    installation = stack.enter_context(an_installation(workers=1, renderers=1))
    organizations: Sequence[OrgId] = [
        found(installation.settings, f"Org {number}").org_id for number in range(ORGANIZATIONS)
    ]
    queue = Queue(installation, depth, list(organizations))
    queue.fill(depth)
    return queue
