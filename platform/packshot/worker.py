"""The worker process: takes jobs' ids from the broker and attempts the jobs, until told to stop."""

import asyncio

import redis
import structlog
import uvloop
from dramatiq import Worker

from packshot.actors.jobs import declare_attempt_job
from packshot.commands.making import Maker
from packshot.config import Settings
from packshot.edge.logs import configure_logs
from packshot.edge.spool import spool_of, sweep_spool
from packshot.signals import tell_started, told_to_stop
from packshot.store.broker import JOBS_QUEUE, open_broker
from packshot.wiring import open_services

# A second picture for each renderer, fetched and ready when the first is done.
ATTEMPTS_PER_RENDERER = 2
LOOK_EVERY_MS = 50
DRAIN_S = 25.0

log = structlog.get_logger()


def work(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what runs; what takes too long is handed back."""
    configure_logs()
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = told_to_stop()
    sweep_spool(spool_of(settings.storage_dir))
    async with open_services(settings) as services:
        broker = open_broker(settings.redis_url)
        declare_attempt_job(broker, services.attempts, asyncio.get_running_loop())
        threads = ATTEMPTS_PER_RENDERER * _renderers(services.images.maker)
        worker = Worker(
            broker, queues={JOBS_QUEUE}, worker_threads=threads, worker_timeout=LOOK_EVERY_MS
        )
        # None ahead: what waits in this process cannot be done by another one.
        worker.queue_prefetch = threads
        worker.start()
        tell_started()
        log.info("worker_started", attempts_at_once=threads)
        await stop.wait()
        try:
            await asyncio.to_thread(worker.stop, timeout=int(DRAIN_S * 1000))
        except redis.RedisError as outage:  # what it had fetched and not begun is sent again
            log.warning("broker_away", reason=type(outage).__name__)
        await services.attempts.hand_back()
        broker.close()
    log.info("worker_stopped")


def _renderers(maker: Maker) -> int:
    return maker.pool.size
