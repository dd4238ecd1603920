"""Waking through Valkey: what was touched is heard, and nothing else."""

import asyncio

import pytest
from redis.asyncio import Redis

from packshot.store import wake
from packshot.store.wake import Waker, channel_of, listen, stop_listening
from services import RunningServices


async def test_a_silence_wakes_nobody(
    servers: RunningServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "SILENCE_S", 0.1)
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear() -> None:
        async for told in listen(servers.redis_url, "jobs"):
            heard.put_nowait(told)

    listening = asyncio.create_task(hear())
    try:
        await _checked(servers, times=3)
        waker = Waker(servers.redis_url)
        waker.touched("jobs", "a job")
        await waker.close()

        assert await heard.get() == "a job"
    finally:
        await stop_listening(listening)


async def _checked(servers: RunningServices, *, times: int) -> None:
    """Return when the subscription was found silent, and alive, that many times."""
    channel = channel_of("jobs")
    async with Redis.from_url(servers.redis_url) as client:
        while not dict(await client.pubsub_numsub(channel)).get(channel.encode()):
            continue
        before = await _pings(client)
        while await _pings(client) < before + times:
            continue


async def _pings(client: Redis) -> int:
    commands = await client.info("commandstats")
    return int(commands.get("cmdstat_ping", {}).get("calls", 0))
