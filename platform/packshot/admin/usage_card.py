"""The card of usage on the page of API access: the last 30 days, by key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.scopes import Scope
from packshot.admin.shell.declaring import Visit
from packshot.commands.usage import USUAL_DAYS, UsageOf
from projections.usage import Used

MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class UsageCard:
    """What the card shows; ``groups`` are those that asked for most, the others as one."""

    total: Used
    groups: Sequence[UsageOf]
    days: int = USUAL_DAYS

    @property
    def is_empty(self) -> bool:
        """Whether nothing was used."""
        return self.total == Used()


async def usage_card(visit: Visit[Any]) -> UsageCard | None:
    """The card for whoever may see it, None for others."""
    visitor = visit.visitor
    if not visitor.access.may(Scope.USAGE_READ):
        return None
    told = await visit.services.usage.read(visitor.org_id, "key", since=None, until=None)
    return UsageCard(told.total, _busiest(told.groups))


def _busiest(groups: Sequence[UsageOf]) -> Sequence[UsageOf]:
    by_use = sorted(groups, key=lambda one: -(one.used.jobs + one.used.publishes))
    if len(by_use) <= MOST_ROWS:
        return by_use
    others = by_use[MOST_ROWS - 1 :]
    together = sum((one.used for one in others), start=Used())
    return [*by_use[: MOST_ROWS - 1], UsageOf("others", f"{len(others)} others", together)]
