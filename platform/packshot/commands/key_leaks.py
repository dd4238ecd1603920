"""Leaked keys: whoever holds one proves by it that it leaked, and may end it."""

from dataclasses import dataclass

import structlog

from domain.api_key import ApiKey
from domain.errors import Conflict
from domain.recorded import Actor, Context
from packshot.commands.api_keys import ApiKeys

REPORTED = "revoke-leaked"
REASON = "leaked"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeyLeaks:
    """The use case of reporting a leak."""

    api_keys: ApiKeys

    async def report(self, text: str, *, source: str | None, address: str, request_id: str) -> None:
        """End the key of that text, if it works; nobody is told whether there was one.

        A secret that does not work any more ends nothing: it was replaced because it was known.
        """
        key = await self.api_keys.keys.working(text)
        if key is None:
            return
        actor = Actor("system", REPORTED)
        context = Context(key.org_id, actor, request_id, correlation_id=request_id)
        before = await self.api_keys.find(key.org_id, key.key_id)

        def end(found: ApiKey) -> None:
            found.revoke(REASON, source=source, address=address)

        try:
            await self.api_keys.change(context, before, end)
        except Conflict:
            return  # somebody else was quicker
        log.warning("leaked_key_revoked", key=key.prefix, request_id=request_id)
