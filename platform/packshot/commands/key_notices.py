"""Notices of the end of keys: told 14 and 3 days before it and at it, once each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import structlog

from domain.api_key import ApiKey
from domain.errors import Conflict, Forbidden, Unavailable
from domain.ids import KeyId, OrgId
from domain.recorded import Actor, Context
from packshot.store.events import EventStore
from projections.api_keys import due_notices

MOST_AT_ONCE = 1000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeyNotices:
    """The use case of announcing.

    Any number of processes may do it: what one has told, the key itself knows, and of two that tell
    it at once the log takes one.
    """

    store: EventStore
    clock: Callable[[], datetime]

    async def tell(self) -> int:
        """Tell what is due, of at most 1,000 keys; returns how many were looked at."""
        now = self.clock()
        async with self.store.pools.writing() as connection:
            due = await due_notices(connection, now, limit=MOST_AT_ONCE)
        for org_id, key_id in due:
            try:
                await self._tell_of(org_id, key_id, now)
            except (Conflict, Forbidden):
                continue  # another process was quicker, or the organization is closed
            except Unavailable:
                raise
            except Exception:  # our fault: the other keys' holders are told all the same
                log.exception("key_notice_failed", org_id=str(org_id), key_id=str(key_id))
        return len(due)

    async def _tell_of(self, org_id: OrgId, key_id: KeyId, at: datetime) -> None:
        key = await self.store.load(ApiKey, org_id=org_id, stream_id=key_id.uuid)
        key.announce_end(at)
        if key.pending_events:
            request_id = f"relay:{uuid4()}"
            context = Context(org_id, Actor("system", "relay"), request_id, request_id)
            await self.store.save(context, key)
