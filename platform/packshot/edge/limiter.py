"""The limiter: asks Valkey for what is waiting in one call, and goes on by itself without it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import NoScriptError, RedisError

from packshot.config import LIMITER_ANSWER_WITHIN_S
from packshot.edge.gcra import SCRIPT, LocalBuckets, read_answers, script_arguments
from packshot.edge.limits import Charge, Decision

# The broker's maintenance runs KEYS over its own database; the limiter's buckets stay out of it.
DATABASE_INDEX = 1
PROBE_EVERY_S = 1.0
MAX_BATCH = 256

log = structlog.get_logger()
AnswerT = TypeVar("AnswerT")


@dataclass(slots=True)
class _Ticket:
    charges: Sequence[Charge]
    decided: "asyncio.Future[Decision]"


class Limiter:
    """Decides for every request whether it may pass now.

    Requests that arrive while a call to Valkey is under way wait for it and then share the next
    one: under load one round trip decides many, and alone a request waits for nobody.

    When Valkey does not answer within 50 ms, the breaker opens: every request is decided in this
    process at once, and Valkey is asked again in the background until it answers.
    """

    def __init__(self, client: Redis, *, answer_within_s: float, processes: int = 1) -> None:
        self._client = client
        self._answer_within_s = answer_within_s
        self._waiting: list[_Ticket] = []
        self._flight: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None
        self._local = LocalBuckets({}, processes)
        self._script_sha: str | None = None

    @classmethod
    def connect(
        cls,
        redis_url: str,
        *,
        answer_within_s: float = LIMITER_ANSWER_WITHIN_S,
        processes: int = 1,
    ) -> Self:
        """A limiter on the Valkey of this URL (``redis://…`` or ``unix://…``), in its own index.

        ``processes`` is how many have one: without Valkey each admits its share.
        """
        pool = BlockingConnectionPool.from_url(
            in_own_database(redis_url),
            max_connections=16,
            timeout=answer_within_s,
            socket_timeout=answer_within_s,
            socket_connect_timeout=answer_within_s,
            retry=None,
        )
        client = Redis.from_pool(pool)
        return cls(client, answer_within_s=answer_within_s, processes=processes)

    @property
    def is_degraded(self) -> bool:
        """True while Valkey is away and this process counts for itself."""
        return self._probe is not None

    async def take(self, charges: Sequence[Charge]) -> Decision:
        """Charge all the buckets, or none of them when one has no room."""
        if self._probe is not None:
            return self._local.take(charges, now_s=monotonic())
        ticket = _Ticket(charges, asyncio.get_running_loop().create_future())
        self._waiting.append(ticket)
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
        return await ticket.decided

    async def ask(self, question: Callable[[Redis], Awaitable[AnswerT]]) -> AnswerT | None:
        """The answer to another question to the same Valkey; None, at once, while it is away."""
        if self._probe is not None:
            return None
        try:
            async with asyncio.timeout(self._answer_within_s):
                return await question(self._client)
        except (RedisError, OSError, TimeoutError) as error:
            self._open_breaker(error)
            return None

    async def close(self) -> None:
        """Close the connections; whoever still waits is decided in this process."""
        for task in (self._flight, self._probe):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self._decide_here(self._waiting)
        await self._client.aclose()

    async def _fly(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                try:
                    await self._decide_there(batch)
                except (RedisError, OSError, TimeoutError) as error:
                    self._open_breaker(error)
                    self._decide_here(batch)
                    self._decide_here(self._waiting)
                    self._waiting = []
                except BaseException:
                    self._decide_here(batch)
                    raise
        finally:
            self._flight = None

    async def _decide_there(self, batch: list[_Ticket]) -> None:
        charges = [ticket.charges for ticket in batch]
        keys, numbers = script_arguments(charges)
        async with asyncio.timeout(self._answer_within_s):
            answers = await self._call(keys, numbers)
        for ticket, decision in zip(batch, read_answers(charges, answers), strict=True):
            if not ticket.decided.done():
                ticket.decided.set_result(decision)

    async def _call(self, keys: list[str], numbers: str) -> bytes:
        if self._script_sha is None:
            self._script_sha = await self._client.script_load(SCRIPT)
        try:
            return await self._evaluate(self._script_sha, keys, numbers=numbers)
        except NoScriptError:  # Valkey was restarted or its scripts were flushed
            self._script_sha = await self._client.script_load(SCRIPT)
            return await self._evaluate(self._script_sha, keys, numbers=numbers)

    async def _evaluate(self, sha: str, keys: list[str], *, numbers: str) -> bytes:
        answers: bytes = await self._client.evalsha(sha, len(keys), *keys, numbers)
        return answers

    def _decide_here(self, batch: list[_Ticket]) -> None:
        for ticket in batch:
            if not ticket.decided.done():
                ticket.decided.set_result(self._local.take(ticket.charges, now_s=monotonic()))

    def _open_breaker(self, error: Exception) -> None:
        if self._probe is None:
            log.warning("limiter_degraded", error=type(error).__name__)
            self._probe = asyncio.create_task(self._probe_until_back())

    async def _probe_until_back(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            try:
                async with asyncio.timeout(self._answer_within_s):
                    await self._client.ping()
            except (RedisError, OSError, TimeoutError):
                continue
            self._probe = None
            log.info("limiter_recovered")
            return


def in_own_database(redis_url: str) -> str:
    """The URL with the limiter's database index in place of any other."""
    parts = urlsplit(redis_url)
    settings = dict(parse_qsl(parts.query)) | {"db": str(DATABASE_INDEX)}
    path = parts.path if parts.scheme == "unix" else ""
    return f"{parts.scheme}://{parts.netloc}{path}?{urlencode(settings)}"
