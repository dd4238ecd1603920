"""When a key was last used: remembered in each API process, told to the database now and then.

It is no event and no request waits for it. A process that is killed forgets a few seconds of it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.errors import Unavailable
from domain.ids import KeyId, OrgId
from packshot.store.pool import Pools

TOLD_EVERY_S = 5.0
TELL = """
INSERT INTO work.key_use (tenant_id, key_id, last_used_at, address, endpoint)
SELECT $1::uuid, u.* FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[]) AS u
ORDER BY 1, 2
ON CONFLICT (tenant_id, key_id) DO UPDATE
SET last_used_at = excluded.last_used_at, address = excluded.address, endpoint = excluded.endpoint
WHERE key_use.last_used_at < excluded.last_used_at
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One use of a key: by whom, and of what (method and declared path)."""

    at: datetime
    address: str
    endpoint: str


class KeyUses:
    """The newest use of each key that the database has not been told of yet."""

    def __init__(self, pools: Pools, *, clock: Callable[[], datetime]) -> None:
        self._pools = pools
        self._clock = clock
        self._untold: dict[tuple[OrgId, KeyId], KeyUse] = {}

    def note(self, org_id: OrgId, key_id: KeyId, *, address: str, endpoint: str) -> None:
        """Remember that the key was used just now."""
        self._untold[org_id, key_id] = KeyUse(self._clock(), address, endpoint)

    def untold(self, org_id: OrgId, key_id: KeyId) -> KeyUse | None:
        """The newest use of the key that only this process knows."""
        return self._untold.get((org_id, key_id))

    async def tell(self) -> None:
        """Tell the database, an organization at a time; raises Unavailable while it is away.

        What it was not told is kept for the next time.
        """
        of_org: dict[OrgId, list[tuple[KeyId, KeyUse]]] = {}
        for (org_id, key_id), use in self._untold.items():
            of_org.setdefault(org_id, []).append((key_id, use))
        for org_id, uses in of_org.items():
            async with self._pools.writing() as connection:
                await connection.execute(
                    TELL,
                    org_id.uuid,
                    [key_id.uuid for key_id, _ in uses],
                    [use.at for _, use in uses],
                    [use.address for _, use in uses],
                    [use.endpoint for _, use in uses],
                )
            for key_id, use in uses:
                if self._untold.get((org_id, key_id)) is use:  # else it was used again meanwhile
                    del self._untold[org_id, key_id]

    async def keep_telling(self) -> None:
        """Tell the database every few seconds until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(TOLD_EVERY_S)
                await self._tell_if_possible()
        finally:
            await self._tell_if_possible()

    async def _tell_if_possible(self) -> None:
        try:
            await self.tell()
        except Unavailable:
            log.warning("key_uses_untold", keys=len(self._untold))
        except Exception:  # our fault: it is told the next time, and no request needs it
            log.exception("key_uses_untold", keys=len(self._untold))
