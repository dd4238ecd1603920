"""Load shedding: what this process cannot take on now is refused before its body is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from domain.errors import Unavailable
from domain.ids import OrgId
from packshot.store.jobqueue import oldest_wait_s

if TYPE_CHECKING:
    from packshot.store.pool import Pools

LOOK_EVERY_S = 1.0
KEPT_LOOKS = 10_000
QUEUE_RETRY_S = 10


@dataclass(slots=True)
class Shedding:
    """How much is under way here, and how long the jobs of organizations wait.

    ``most_in_flight`` requests are answered side by side. Organizations take turns in the queue, so
    each is measured by its own oldest waiting job: one that floods it shuts out itself, and a queue
    that nobody works on shuts out everybody. ``most_queue_s`` of 0 takes jobs however long it is.
    """

    pools: "Pools"
    most_in_flight: int
    most_queue_s: int
    in_flight: int = 0
    _looks: dict[OrgId, tuple[float, float]] = field(default_factory=dict)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Count a request while it is answered; raises Unavailable when there are too many."""
        if self.in_flight >= self.most_in_flight:
            raise Unavailable(
                "overloaded",
                f"This process is answering {self.in_flight} requests already.",
                fix="Send the same request again in a few seconds.",
                headers={"Retry-After": "2"},
            )
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def require_moving_queue(self, org_id: OrgId) -> None:
        """Raise Unavailable when a job of the organization has waited too long for a worker."""
        if self.most_queue_s and await self._oldest_s(org_id) > self.most_queue_s:
            raise Unavailable(
                "overloaded",
                f"A job of this organization has waited for more than {self.most_queue_s} s; "
                "a new one would wait longer.",
                fix="Send the same request again when the jobs before it are done.",
                headers={"Retry-After": str(QUEUE_RETRY_S)},
            )

    async def _oldest_s(self, org_id: OrgId) -> float:
        now_s = monotonic()
        until_s, oldest_s = self._looks.get(org_id, (0.0, 0.0))
        if until_s > now_s:
            return oldest_s
        async with self.pools.writing() as connection:
            oldest_s = await oldest_wait_s(connection, org_id)
        if len(self._looks) >= KEPT_LOOKS:
            self._looks.clear()
        self._looks[org_id] = (now_s + LOOK_EVERY_S, oldest_s)
        return oldest_s
