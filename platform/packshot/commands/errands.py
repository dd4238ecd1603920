"""Errands: jobs that are no picture, done by workers with the same leases, tries and ends.

An errand may be begun again at any moment, by another worker: what it has done so far stands in the
log, and it goes on from there. Whatever it records, it records while it still holds its job::

    async with store.together() as unit:
        await hold(unit, lease, lease_s=lease_s)
        await store.save(context_of(lease), aggregate)

Its Refusals settle the job as a picture's do: tried again later if that may help, else its end.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from eventsourcing.domain import Aggregate

from domain.ids import RequestId
from domain.job import Job
from domain.recorded import Actor, Context
from packshot.store import jobqueue
from packshot.store.jobqueue import Lease
from packshot.store.unit import Unit

Errand: TypeAlias = Callable[[Lease, Job], Awaitable[None]]
# What ends with such a job, whatever ended it; it is saved in the append of the job's end.
Ending: TypeAlias = Callable[[Lease, Job], Awaitable[Sequence[Aggregate]]]


class LeaseLost(Exception):
    """Somebody else has the job now, or it was called off."""


async def hold(unit: Unit, lease: Lease, *, lease_s: float) -> None:
    """Keep the job for this unit of work, first of all in it; raises LeaseLost.

    The lease is renewed with it, and nobody can call the job off before the unit has ended.
    """
    if not await jobqueue.renew(await unit.connection(), lease, lease_s=lease_s):
        raise LeaseLost


def context_of(lease: Lease) -> Context:
    """The act of a worker, for the request that asked for the job."""
    return Context(
        lease.org_id,
        Actor("system", "worker"),
        str(RequestId.new()),
        correlation_id=lease.correlation_id,
        causation_id=lease.correlation_id,
    )
