"""Read-your-writes: a read that names a position waits until its view has come that far."""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from domain.errors import InvalidInput, Unavailable
from domain.ids import OrgId
from packshot.edge.contract import Call
from packshot.store.positions import position_of

if TYPE_CHECKING:
    from packshot.store.pool import Pools

MIN_POSITION = "x-min-position"
# The HTTP API's "Conventions".
WAIT_S = 2.0
FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.05
MOST_DIGITS = 18  # what a bigint surely holds


async def until_visible(call: Call[Any], *, view: str | None) -> None:
    """Return when the view holds the position that the request names in MIN_POSITION.

    ``view`` is a following view's name, None a view that the append itself writes. Raises
    InvalidInput for what is no position, Unavailable (not_yet_visible) after WAIT_S.
    """
    position = _position(call.request.headers[MIN_POSITION])
    end_s, pause_s = monotonic() + WAIT_S, FIRST_PAUSE_S
    while (held := await _held(call.services.pools, call.key.org_id, view)) < position:
        if monotonic() + pause_s > end_s:
            raise _not_yet_visible(position, held)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _held(pools: "Pools", org_id: OrgId, view: str | None) -> int:
    # A connection for each look, not for the wait: readers who wait must not hold up the others.
    async with pools.reading(org_id) as connection:
        return await position_of(connection, org_id.uuid, view=view)


def _position(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise InvalidInput(
            "invalid_parameter",
            f"{MIN_POSITION} must be a position of the log, a whole number.",
            param=MIN_POSITION,
            allowed={"min": 0},
            fix="Send the x-log-position of a write.",
        )
    return int(text)


def _not_yet_visible(wanted: int, held: int) -> Unavailable:
    return Unavailable(
        "not_yet_visible",
        f"Position {wanted} is not visible here yet; this view has come to {held}.",
        fix=f"Send the same request again, or leave {MIN_POSITION} out for what is visible now.",
        headers={"retry-after": "1"},
    )
