"""The query of what an organization has used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.errors import InvalidInput
from domain.ids import OrgId
from packshot.store.pool import Pools
from projections.api_keys import key_names
from projections.usage import GroupBy, Used, sum_usage

USUAL_DAYS = 30
MOST_DAYS = 366
NOT_OF_KEYS = {"user": "People, in the browser", "system": "Packshot itself"}


@dataclass(frozen=True, slots=True)
class UsageOf:
    """What one group used; ``name`` is what people call it, where that is not the group itself."""

    group: str
    name: str | None
    used: Used


@dataclass(frozen=True, slots=True)
class UsageTold:
    """What was used from ``since`` to ``until``, both included, by group and in all."""

    since: date
    until: date
    groups: Sequence[UsageOf]
    total: Used


@dataclass(frozen=True, slots=True)
class Usage:
    """The query of usage; days are those of UTC."""

    pools: Pools
    clock: Callable[[], datetime]

    async def read(
        self, org_id: OrgId, group_by: GroupBy, *, since: date | None, until: date | None
    ) -> UsageTold:
        """What the organization used; without days, in the last 30 to today.

        Raises InvalidInput for days that are none or too many.
        """
        last = until or max(self.clock().date(), since or date.min)
        first = since or _days_before(last, USUAL_DAYS - 1)
        _require_period(first, last)
        async with self.pools.reading(org_id) as connection:
            summed = await sum_usage(
                connection, tenant_id=org_id.uuid, group_by=group_by, since=first, until=last
            )
            names = dict(NOT_OF_KEYS)
            if group_by == "key":
                names |= await key_names(connection, org_id.uuid, {group for group, _ in summed})
        groups = [UsageOf(group, names.get(group), used) for group, used in summed]
        return UsageTold(first, last, groups, sum((used for _, used in summed), start=Used()))


def _days_before(day: date, days: int) -> date:
    return date.fromordinal(max(1, day.toordinal() - days))


def _require_period(first: date, last: date) -> None:
    if first > last:
        raise InvalidInput(
            "invalid_parameter",
            f"since ({first}) lies after until ({last}).",
            param="since",
            fix="Send since as the first day and until as the last.",
        )
    if last - first >= timedelta(days=MOST_DAYS):
        raise InvalidInput(
            "invalid_parameter",
            f"From {first} to {last} are more than {MOST_DAYS} days.",
            param="since",
            allowed={"maxDays": MOST_DAYS},
            fix=f"Ask for up to {MOST_DAYS} days at a time.",
        )
