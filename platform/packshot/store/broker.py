"""The broker that wakes workers: Dramatiq on Valkey, which may lose everything at any time.

Messages hold ids and nothing else. Nothing is retried here: the queue in the database sends a job
again when nobody claimed it, and counts its tries. So the broker's own retries, time limits and
dead letters stay off (a time limit could not stop libvips anyway: 500 ms let a call run 5.2 s).
"""

from collections.abc import Sequence
from typing import Any

import redis
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from packshot.store.jobrelay import Due

JOBS_QUEUE = "jobs"
ATTEMPT_JOB = "attempt_job"
ANSWER_WITHIN_S = 5.0
# Where no worker runs, four unclaimed jobs would come again every ten seconds: 100,000 messages in
# three days, and whoever works then goes through them first. More than workers have under way.
MOST_WAITING = 1000


def open_broker(redis_url: str) -> RedisBroker:
    """The broker; it connects when it is first used, and again whenever it must."""
    client = redis.Redis.from_url(
        redis_url, socket_timeout=ANSWER_WITHIN_S, socket_connect_timeout=ANSWER_WITHIN_S
    )
    broker: RedisBroker = RedisBroker(client=client, middleware=[])  # type: ignore[no-untyped-call]
    broker.declare_queue(JOBS_QUEUE)
    return broker


def send(broker: RedisBroker, due: Sequence[Due]) -> None:
    """Give jobs to the broker; raises redis.RedisError when it is away.

    One that holds MOST_WAITING messages gets no more: the jobs come again later, as lost ones do.
    """
    if broker.do_qsize(JOBS_QUEUE) >= MOST_WAITING:
        return
    for job in due:
        message: Message[Any] = Message(
            queue_name=JOBS_QUEUE,
            actor_name=ATTEMPT_JOB,
            args=(str(job.org_id), str(job.job_id)),
            kwargs={},
            options={},
        )
        broker.enqueue(message)
