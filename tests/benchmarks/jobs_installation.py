"""An installation under measurement: its processes, what they spent, and what its log says."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import asyncpg
import psutil
import requests
import uvloop

from api.conftest import found, write_secrets
from api.server import running_api
from api.working import running_process
from domain.ids import JobId, OrgId
from packshot.commands.organizations import Created
from packshot.config import Settings
from services import running_services

LOOK_EVERY_S = 0.02
WITHIN_S = 300.0
ASKING_AT_ONCE = 4
numbers = count()


@dataclass(slots=True)
class Installation:
    """An API, workers and a projector that run, a relay that a turn starts, and one organization.

    A queue is filled while the relay is away; what is measured begins when it comes.
    """

    settings: Settings
    base_url: str
    acme: Created
    runner: asyncio.Runner
    log: asyncpg.Connection
    api: psutil.Process
    projector: psutil.Process
    workers: list[psutil.Process]
    servers: dict[str, psutil.Process]  # "postgres" and "valkey"

    def ask(self, photos: Sequence[bytes], **fields: str) -> list[JobId]:
        """Ask for a job of each photo over HTTP, a few at a time."""
        with ThreadPoolExecutor(ASKING_AT_ONCE) as askers:
            return list(askers.map(lambda photo: self.ask_one(photo, **fields)[0], photos))

    def ask_one(self, photo: bytes, **fields: str) -> tuple[JobId, float]:
        """Ask for one job; its id, and the moment of the 202 in seconds since 1970."""
        answer = requests.post(
            self.base_url + "/api/v1/jobs",
            headers={"x-api-key": self.acme.secret},
            files={"image": photo},
            data=fields,
            timeout=WITHIN_S,
        )
        answered_s = time.time()
        assert answer.status_code == 202, answer.text
        return JobId.parse(answer.json()["jobId"]), answered_s

    @contextmanager
    def relaying(self) -> Iterator[psutil.Process]:
        """Run the relay for the length of a block."""
        with running_process("relay", self.settings) as relay:
            yield psutil.Process(relay.pid)

    def wait_until_done(self, jobs: Sequence[JobId]) -> None:
        """Return when none of the jobs is in the queue; one that failed ends the bench."""
        ids = [job.uuid for job in jobs]
        left = "SELECT count(*), count(ended_at) FROM work.job WHERE job_id = ANY($1)"

        def is_done() -> bool:
            waiting, failed = self.run(self.log.fetchrow(left, ids))
            assert not failed, "a job failed"
            return not waiting

        until(is_done)

    def spans(self, jobs: Sequence[JobId]) -> dict[UUID, tuple[datetime, datetime]]:
        """When each job was started and when it succeeded, as its events say."""
        rows = self.run(
            self.log.fetch(
                """
                SELECT stream_id, min(at) FILTER (WHERE type = 'job.started.v1') AS started,
                       max(at) FILTER (WHERE type = 'job.succeeded.v1') AS ended
                FROM es.event WHERE tenant_id = $1 AND stream_id = ANY($2) GROUP BY stream_id
                """,
                self.acme.org_id.uuid,
                [job.uuid for job in jobs],
            )
        )
        return {row["stream_id"]: (row["started"], row["ended"]) for row in rows}

    def events(self, organizations: Sequence[OrgId]) -> int:
        """How many events these organizations have in all; one row is read for each."""
        total: int = self.run(
            self.log.fetchval(
                "SELECT sum(seq)::bigint FROM es.tenant_head WHERE tenant_id = ANY($1)",
                [org_id.uuid for org_id in organizations],
            )
        )
        return total

    def run(self, work: Awaitable[Any]) -> Any:
        """Await something in this installation's loop."""

        async def awaited() -> Any:
            return await work

        return self.runner.run(awaited())


@contextmanager
def an_installation(*, workers: int, renderers: int) -> Iterator[Installation]:
    """Run an installation with durable servers for the length of a block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        others = set(psutil.Process().children())
        servers = stack.enter_context(running_services(is_durable=True))
        started = set(psutil.Process().children()) - others
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        opened = servers.database()
        database = runner.run(opened.__aenter__())
        stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
        write_secrets(folder / "secrets")
        settings = Settings(
            database_url=database.app_url,
            writer_database_url=database.writer_url,
            projector_database_url=database.projector_url,
            redis_url=servers.redis_url,
            storage_dir=folder / "storage",
            secrets_dir=folder / "secrets",
            render_children=renderers,
        )
        api = stack.enter_context(running_api(settings))
        log = runner.run(asyncpg.connect(database.owner_url))
        stack.callback(lambda: runner.run(log.close()))
        names = ["projector", *["worker"] * workers]
        running = [stack.enter_context(running_process(name, settings)) for name in names]
        projector, *hands = [psutil.Process(process.pid) for process in running]
        yield Installation(
            settings=settings,
            base_url=api.base_url,
            acme=found(settings, "Acme"),
            runner=runner,
            log=log,
            api=psutil.Process(api.process.pid),
            projector=projector,
            workers=hands,
            servers={server.name().partition("-")[0]: server for server in started},
        )


@contextmanager
def held(process: psutil.Process | None) -> Iterator[None]:
    """Stop a process that has nothing to do for the length of a block; None is nobody."""
    if process is not None:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        if process is not None:
            process.send_signal(signal.SIGCONT)


def cpu_s(process: psutil.Process) -> float:
    """Seconds of processor that a process has spent, without its children."""
    times = process.cpu_times()
    return float(times.user + times.system)


def server_cpu_s(server: psutil.Process) -> float:
    """Seconds that a server has spent with all its processes, also those that have ended."""
    ended = server.cpu_times()
    total = float(ended.children_user + ended.children_system) + cpu_s(server)
    for child in server.children(recursive=True):
        try:
            total += cpu_s(child)
        except psutil.NoSuchProcess:  # it ended just now
            continue
    return total


def until(is_so: Callable[[], bool]) -> None:
    """Look again and again until something holds; raises TimeoutError after WITHIN_S."""
    deadline_s = time.monotonic() + WITHIN_S
    while not is_so():
        if time.monotonic() > deadline_s:
            raise TimeoutError("the installation did not get there")
        time.sleep(LOOK_EVERY_S)


def never_the_same(photo: bytes) -> bytes:
    """The photo with other bytes behind its end, so that nothing is found among earlier ones."""
    return photo + f"packshot {os.getpid()} {next(numbers)}".encode()
