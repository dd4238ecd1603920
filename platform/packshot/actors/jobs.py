"""The actor of jobs: the ids of a message in, an attempt at the job called."""

import asyncio
from concurrent.futures import CancelledError

import dramatiq
import structlog

from domain.errors import Refusal
from domain.ids import JobId, OrgId
from packshot.commands.attempts import Attempts
from packshot.store.broker import ATTEMPT_JOB, JOBS_QUEUE

log = structlog.get_logger()


def declare_attempt_job(
    broker: dramatiq.Broker, attempts: Attempts, loop: asyncio.AbstractEventLoop
) -> None:
    """Declare the actor; its messages are worked on in the loop that the services live in."""

    @dramatiq.actor(broker=broker, queue_name=JOBS_QUEUE, actor_name=ATTEMPT_JOB)
    def attempt_job(org_id: str, job_id: str) -> None:
        work = attempts.attempt(OrgId.parse(org_id), JobId.parse(job_id))
        try:
            asyncio.run_coroutine_threadsafe(work, loop).result()
        except CancelledError:
            log.info("attempt_handed_back", job=job_id)
        except Refusal as refusal:  # the relay sends the job again
            log.warning("attempt_not_begun", job=job_id, code=refusal.code)
