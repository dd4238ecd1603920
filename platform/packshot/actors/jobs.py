"""The actor of jobs: the ids of a message in, an attempt at the job called."""

import asyncio

import dramatiq

from domain.ids import JobId, OrgId
from packshot.commands.attempts import Attempts
from packshot.store.broker import ATTEMPT_JOB, JOBS_QUEUE


def declare_attempt_job(
    broker: dramatiq.Broker, attempts: Attempts, loop: asyncio.AbstractEventLoop
) -> None:
    """Declare the actor; its messages are worked on in the loop that the services live in."""

    @dramatiq.actor(broker=broker, queue_name=JOBS_QUEUE, actor_name=ATTEMPT_JOB)
    def attempt_job(org_id: str, job_id: str) -> None:
        work = attempts.attempt(OrgId.parse(org_id), JobId.parse(job_id))
        asyncio.run_coroutine_threadsafe(work, loop).result()
