"""Wakes other processes after a commit, through Valkey: quick when it is there, harmless when not.

Nothing depends on a wake-up arriving: whoever listens also looks by itself every second. So a
Valkey that is away costs patience and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

Topic = Literal["log", "jobs", "deliveries", "ended"]

PUBLISH_WITHIN_S = 0.5
RECONNECT_AFTER_S = 1.0
CANCEL_AGAIN_S = 0.1
SILENCE_S = 30.0  # a subscription is checked this often, so that a dead one is noticed

log = structlog.get_logger()


class Waker:
    """Publishes what was touched; while one message is on its way, the next ones gather."""

    def __init__(self, redis_url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            redis_url,
            max_connections=2,
            timeout=PUBLISH_WITHIN_S,
            socket_timeout=PUBLISH_WITHIN_S,
            socket_connect_timeout=PUBLISH_WITHIN_S,
            retry=None,
        )
        self._client = Redis.from_pool(pool)
        self._touched: dict[tuple[Topic, str], None] = {}
        self._flight: asyncio.Task[None] | None = None

    def touched(self, topic: Topic, what: str) -> None:
        """Tell that something changed; returns at once."""
        self._touched[topic, what] = None
        if self._flight is None:
            self._flight = asyncio.create_task(self._publish())

    async def close(self) -> None:
        """Wait for what is on its way, and close the connection."""
        if self._flight is not None:
            await self._flight
        await self._client.aclose()

    async def _publish(self) -> None:
        try:
            while self._touched:
                touched, self._touched = self._touched, {}
                async with self._client.pipeline(transaction=False) as pipeline:
                    for topic, what in touched:
                        pipeline.publish(channel_of(topic), what)
                    await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as outage:
            self._touched.clear()
            log.debug("wake_lost", reason=type(outage).__name__)
        finally:
            self._flight = None


async def listen(redis_url: str, topic: Topic) -> AsyncIterator[str]:
    """What is touched from now on; connects again by itself and never ends."""
    while True:
        client = Redis.from_url(redis_url, socket_timeout=SILENCE_S, retry=None)
        try:
            async with client.pubsub() as subscription:
                await subscription.subscribe(channel_of(topic))
                while True:
                    message = await subscription.get_message(
                        ignore_subscribe_messages=True, timeout=SILENCE_S / 2
                    )
                    if message is None:
                        await subscription.ping()
                    elif message["type"] == "message":  # and not the answer to a ping
                        yield message["data"].decode()
        except (RedisError, OSError, TimeoutError) as outage:
            log.debug("listener_disconnected", topic=topic, reason=type(outage).__name__)
            await asyncio.sleep(RECONNECT_AFTER_S)
        finally:
            await client.aclose()


async def stop_listening(task: asyncio.Task[None]) -> None:
    """Cancel a task that listens, until it has ended.

    Once is not enough: the client forgets a cancellation that meets it while it connects (seen in
    8 of 40 moments), and the task would listen for ever.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_S)


def channel_of(topic: Topic) -> str:
    """The channel of a topic."""
    return f"packshot:{topic}"
