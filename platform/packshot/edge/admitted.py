"""Whether the key of a call that goes on for long is still one."""

from contextlib import suppress
from typing import Any

from domain.errors import Unauthenticated, Unavailable
from packshot.edge.contract import Call
from packshot.edge.credentials import find_key


async def may_still_read(call: Call[Any]) -> bool:
    """Whether the key is still one; nobody goes on reading with a key that was taken back."""
    with suppress(Unavailable):
        text = find_key(call.exchange.credentials, b"")
        try:
            await call.services.keys.check(text or "")
        except Unauthenticated:
            return False
    return True
