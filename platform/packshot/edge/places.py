"""Places: how many requests of an organization are worked on at once, over all processes.

A place is a lease in Valkey. It is given back when the request is answered, renewed while it is
not, and ends by itself when the process that held it died. Without Valkey each process counts for
itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

from redis.asyncio import Redis

from domain.errors import Refusal
from domain.ids import OrgId
from packshot.edge.limiter import Limiter

# The HTTP API's "Limits": 64 requests of an organization at once, counted where work is heavy.
MOST_AT_ONCE = 64
# A renewal may be late twice; what a dead process held is free after this long.
LEASE_S = 15.0
RENEWALS_PER_LEASE = 3

# KEYS[1] is the organization's sorted set: tokens by the time (ms, the server's) their lease ends.
_PRELUDE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
"""
# ARGV: lease in ms, most, token. How many are held now, or -1 where there is no room.
TAKE = f"""{_PRELUDE}
local held = redis.call('ZCARD', KEYS[1])
if held >= tonumber(ARGV[2]) then return -1 end
redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return held + 1
"""
# ARGV: lease in ms, tokens. Those that Valkey has lost are held again.
RENEW = f"""{_PRELUDE}
for place = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[place]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('ZCARD', KEYS[1])
"""
COUNT = f"{_PRELUDE} return redis.call('ZCARD', KEYS[1])"
NO_ROOM = -1


class Places:
    """The places that this process holds; an organization has so many in all processes."""

    def __init__(self, limiter: Limiter, *, lease_s: float = LEASE_S) -> None:
        self._limiter = limiter
        self._lease_ms = round(lease_s * 1000)
        self._held: dict[OrgId, set[str]] = {}

    @asynccontextmanager
    async def held(self, org_id: OrgId, most: int = MOST_AT_ONCE) -> AsyncIterator[None]:
        """Hold one of the ``most`` places of an organization; raises Refusal, concurrency_limited.

        While Valkey is away, the places of this process alone are counted.
        """
        mine, token = self._held.setdefault(org_id, set()), token_hex(8)
        if len(mine) >= most:
            raise _concurrency_limited(most)
        mine.add(token)  # before the question: this process never holds more than its own count
        try:
            if await self._run(TAKE, org_id, str(most), token) == NO_ROOM:
                raise _concurrency_limited(most)
            yield
        finally:
            mine.discard(token)
            if not mine and self._held.get(org_id) is mine:
                del self._held[org_id]
            await self._give_back(org_id, [token])

    async def count(self, org_id: OrgId) -> int:
        """How many places are held, over all processes; of this one while Valkey is away."""
        held = await self._run(COUNT, org_id)
        return len(self._held.get(org_id, ())) if held is None else held

    async def keep_renewing(self) -> None:
        """Renew what is held, for ever."""
        while True:
            await asyncio.sleep(self._lease_ms / 1000 / RENEWALS_PER_LEASE)
            await self.renew()

    async def renew(self) -> None:
        """Hold what this process holds for another lease, also where Valkey has forgotten it."""
        for org_id, mine in list(self._held.items()):
            tokens = sorted(mine)
            if tokens and await self._run(RENEW, org_id, *tokens) is not None:
                # What was given back meanwhile must not have been taken again by the renewal.
                await self._give_back(org_id, [token for token in tokens if token not in mine])

    async def _run(self, script: str, org_id: OrgId, *words: str) -> int | None:
        async def ask(client: Redis) -> int:
            run = client.register_script(script)
            answer: int = await run(keys=[_key(org_id)], args=[self._lease_ms, *words])
            return answer

        return await self._limiter.ask(ask)

    async def _give_back(self, org_id: OrgId, tokens: list[str]) -> None:
        async def remove(client: Redis) -> int:
            removed: int = await client.zrem(_key(org_id), *tokens)
            return removed

        if tokens:
            await self._limiter.ask(remove)


def _key(org_id: OrgId) -> str:
    return f"places:{org_id}"


def _concurrency_limited(most: int) -> Refusal:
    return Refusal(
        "concurrency_limited",
        f"{most} requests of this organization are being worked on.",
        fix="Wait for one of them to be answered.",
        headers={"Retry-After": "1"},
    )
