"""The relay process: due jobs to the broker, webhooks, notices of keys, until told to stop."""

import asyncio
from collections.abc import Sequence

import redis
import structlog
import uvloop
from dramatiq.brokers.redis import RedisBroker

from packshot.commands.deliveries import Deliveries
from packshot.commands.relaying import Relay, Sweep
from packshot.config import Settings
from packshot.edge.logs import configure_logs
from packshot.edge.webhook_bodies import webhook_body
from packshot.signals import tell_started, told_to_stop
from packshot.store import batches, idempotency, jobrelay
from packshot.store import broker as brokers
from packshot.store.jobrelay import Due
from packshot.store.wake import Topic, listen, stop_listening
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
        deliveries = _deliveries(services)
        jobs = _jobs(services, broker, sweeps=(deliveries.sweep, services.key_notices.tell))
        hearing = [
            asyncio.create_task(_hear(settings.redis_url, "jobs", jobs.woken)),
            asyncio.create_task(_hear(settings.redis_url, "deliveries", deliveries.woken)),
        ]
        tell_started()
        log.info("relay_started")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(jobs.run(stop))
                both.create_task(deliveries.run(stop))
        finally:
            await asyncio.gather(*(stop_listening(task) for task in hearing))
            broker.close()
    log.info("relay_stopped")


def _deliveries(services: Services) -> Deliveries:
    return Deliveries(services.store, services.outbound, services.webhook_secrets, webhook_body)


def _jobs(services: Services, broker: RedisBroker, *, sweeps: Sequence[Sweep]) -> Relay:
    async def send(due: Sequence[Due]) -> None:
        try:
            await asyncio.to_thread(brokers.send, broker, due)
        except redis.RedisError as outage:
            raise ConnectionError("the broker does not answer") from outage

    async def sweep_ended() -> int:
        async with services.pools.writing() as connection:
            items = await jobrelay.sweep_ended(connection)
            return items + await batches.sweep_ended(connection)

    async def sweep_answers() -> int:
        return await idempotency.sweep(services.pools)

    return Relay(services.pools, send, sweeps=(sweep_ended, sweep_answers, *sweeps))


async def _hear(redis_url: str, topic: Topic, woken: asyncio.Event) -> None:
    async for _what in listen(redis_url, topic):
        woken.set()
