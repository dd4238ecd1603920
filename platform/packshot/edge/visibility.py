"""Which state of the log a read answers: one at least as new as asked for, or one of before."""

import asyncio
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from domain.errors import InvalidInput, Unavailable
from domain.ids import OrgId
from packshot.edge.contract import Call
from packshot.edge.looking_back import AS_OF
from packshot.edge.paging import PageForm, bad_cursor
from packshot.store.past import AsOf, as_of_position, as_of_time
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
    await _until_held(call, _position(call.request.headers[MIN_POSITION]), view=view)


async def look_back(call: Call[Any], *, view: str | None) -> None:
    """Give the call the point of the log that its ``asOf`` names, once the view holds it.

    Raises as ``asked_point`` and ``until_visible`` do.
    """
    call.as_of = await asked_point(call.services.pools, call.key.org_id, call.form)
    if call.as_of is not None:
        await _until_held(call, call.as_of.position, view=view)


async def asked_point(pools: "Pools", org_id: OrgId, form: Any) -> AsOf | None:
    """The point of the log that the form's ``as_of`` names; None for today.

    A page that follows another is of the same position: its cursor says which. Raises InvalidInput
    for a point that lies ahead or is not the cursor's.
    """
    asked = form.as_of
    bound = _bound_by_cursor(form)
    if asked is None:
        if bound is not None:
            raise bad_cursor()
        return None
    as_of = await _point_of(pools, org_id, asked)
    if bound is None or bound == as_of.position:
        return as_of
    # A time that has only just passed may take in one more event between two pages.
    if isinstance(asked, int) or bound > as_of.position:
        raise bad_cursor()
    return AsOf(bound, as_of.moment)


def _bound_by_cursor(form: Any) -> int | None:
    cursor = form.cursor if isinstance(form, PageForm) else None
    if cursor is None:
        return None
    if form.as_of is not None and cursor.at is None:
        raise bad_cursor()
    return cursor.at


async def _point_of(pools: "Pools", org_id: OrgId, asked: int | datetime) -> AsOf:
    if isinstance(asked, datetime) and asked > (now := datetime.now(UTC)):
        raise _ahead(f"the time here is {now:%Y-%m-%dT%H:%M:%SZ}")
    async with pools.reading(org_id) as connection:
        if isinstance(asked, datetime):
            return await as_of_time(connection, org_id.uuid, asked)
        point = await as_of_position(connection, org_id.uuid, asked)
        if point is None:
            newest = await position_of(connection, org_id.uuid, view=None)
            raise _ahead(f"the log has come to {newest}")
    return point


def _ahead(said: str) -> InvalidInput:
    return InvalidInput(
        "invalid_parameter",
        f"{AS_OF} lies ahead: {said}.",
        param=AS_OF,
        fix=f"Use a time that has passed or the x-log-position of a write, or leave {AS_OF} out.",
    )


async def _until_held(call: Call[Any], position: int, *, view: str | None) -> None:
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
