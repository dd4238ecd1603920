"""Where in an organization's log a time lies: what an answer as of then is folded up to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from packshot.store.codec import EPOCH

if TYPE_CHECKING:
    from packshot.store.pool import Connection

# Position order wins over clocks: the first event that is later than the time ends what was known
# then, also where one behind it says an earlier time. So the answer stays the same whatever is
# appended (docs/decisions/0020-as-of.md).
FIRST_AFTER = """
SELECT seq FROM es.event WHERE tenant_id = $1 AND at > $2 ORDER BY seq LIMIT 1
"""
MILLISECOND = 1000  # in microseconds
HEAD = "SELECT seq FROM es.tenant_head WHERE tenant_id = $1"
EVENT_TIME = "SELECT at FROM es.event WHERE tenant_id = $1 AND seq = $2"


@dataclass(frozen=True, slots=True)
class AsOf:
    """A point of the log: everything up to ``position``, judged at ``moment``.

    The moment is the time that was asked for, or that of the event at the position. It decides
    what follows from a clock alone, such as whether a key has expired.
    """

    position: int
    moment: datetime


async def as_of_time(connection: "Connection", tenant_id: UUID, moment: datetime) -> AsOf:
    """The largest position up to which every event is of that time or earlier; 0 where none is.

    Answers tell times to the millisecond: a time that says no more means all of its millisecond.
    """
    if moment.microsecond % MILLISECOND == 0:
        moment += timedelta(microseconds=MILLISECOND - 1)
    beyond = await connection.fetchval(FIRST_AFTER, tenant_id, moment)
    if beyond is not None:
        return AsOf(beyond - 1, moment)
    return AsOf(await connection.fetchval(HEAD, tenant_id) or 0, moment)


async def as_of_position(connection: "Connection", tenant_id: UUID, position: int) -> AsOf | None:
    """That position with its event's time; None for one that the log has not reached."""
    if position == 0:
        return AsOf(0, EPOCH)
    moment = await connection.fetchval(EVENT_TIME, tenant_id, position)
    return None if moment is None else AsOf(position, moment)
