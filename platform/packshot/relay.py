"""The relay process: gives due jobs to the broker and delivers webhooks, until told to stop."""

import asyncio
from collections.abc import Sequence

import redis
import structlog
import uvloop
from dramatiq.brokers.redis import RedisBroker

from packshot.commands.relaying import Relay
from packshot.config import Settings
from packshot.edge.logs import configure_logs
from packshot.signals import tell_started, told_to_stop
from packshot.store import broker as brokers
from packshot.store import jobrelay
from packshot.store.jobrelay import Due
from packshot.store.wake import listen
from packshot.wiring import Services, open_services

log = structlog.get_logger()


def relay(settings: Settings) -> None:
    """Relay until SIGTERM or SIGINT."""
    configure_logs()
    uvloop.run(_relay(settings))


async def _relay(settings: Settings) -> None:
    stop = told_to_stop()
    async with open_services(settings, render=False) as services:
        broker = brokers.open_broker(settings.redis_url)
        jobs = _jobs(services, broker)
        hearing = asyncio.create_task(_hear(settings.redis_url, jobs))
        tell_started()
        log.info("relay_started")
        try:
            await jobs.run(stop)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            broker.close()
    log.info("relay_stopped")


def _jobs(services: Services, broker: RedisBroker) -> Relay:
    async def send(due: Sequence[Due]) -> None:
        try:
            await asyncio.to_thread(brokers.send, broker, due)
        except redis.RedisError as outage:
            raise ConnectionError("the broker does not answer") from outage

    async def sweep_ended() -> int:
        async with services.pools.writing() as connection:
            return await jobrelay.sweep_ended(connection)

    return Relay(services.pools, send, sweeps=(sweep_ended,))


async def _hear(redis_url: str, jobs: Relay) -> None:
    async for _job_id in listen(redis_url, "jobs"):
        jobs.woken.set()
