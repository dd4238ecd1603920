"""GET /api/v1/usage: what the organization asked for and got, from its log."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, get_args

from pydantic import Field

from domain.scopes import Scope
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.fields import Word
from packshot.edge.forms import Form
from packshot.edge.moments import Day
from packshot.edge.shapes import Answer
from projections.usage import GroupBy, UsageView


class UsageForm(Form):
    """Which days are meant, and how they are summed."""

    group_by: Annotated[GroupBy, Word(get_args(GroupBy))] = Field(
        "day", description="What each row is about."
    )
    since: Annotated[date, Day()] | None = Field(
        None, description="The first day, in UTC; 29 days before the last where it is left out."
    )
    until: Annotated[date, Day()] | None = Field(
        None, description="The last day, in UTC; today where it is left out."
    )


class UsedAnswer(Answer):
    """What was asked for and got.

    ``jobs`` are pictures asked for, each item of a batch one; ``outputs`` those made and ``cached``
    those that had been made before; ``failed`` are jobs and publishes that ended without success.
    ``publishes`` were asked for, and of ``published`` the listing was seen.
    """

    jobs: int
    outputs: int
    cached: int
    failed: int
    output_bytes: int
    publishes: int
    published: int


class UsageRowAnswer(UsedAnswer):
    """A group: a day, a key's id, an operation or an endpoint's path.

    What no key asked for is in the groups ``user`` and ``system`` of keys, and in the endpoints
    ``pages`` and ``system``. ``name`` is a key's name.
    """

    group: str = Field(examples=["2026-11-23"])
    name: str | None = Field(examples=[None])


class UsageAnswer(Answer):
    """The usage of ``since`` to ``until``, both included; groups without any are left out."""

    group_by: GroupBy
    since: date
    until: date
    data: list[UsageRowAnswer]
    total: UsedAnswer


@endpoint(
    "GET",
    "/api/v1/usage",
    scope=Scope.USAGE_READ,
    form=UsageForm,
    answer=UsageAnswer,
    follows=UsageView.name,
)
async def read_usage(call: Call[UsageForm]) -> Reply:
    """Answer what the organization used, by day, key, operation or endpoint."""
    form = call.form
    told = await call.services.usage.read(
        call.key.org_id, form.group_by, since=form.since, until=form.until
    )
    rows = [
        UsageRowAnswer(group=one.group, name=one.name, **asdict(one.used)) for one in told.groups
    ]
    return Reply(
        UsageAnswer(
            group_by=form.group_by,
            since=told.since,
            until=told.until,
            data=rows,
            total=UsedAnswer(**asdict(told.total)),
        )
    )
