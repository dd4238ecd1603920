"""GET /api/v1/rulesets: the rules of marketplaces as they are applied, with their sources."""

from datetime import date
from typing import Annotated

from pydantic import Field

from domain.errors import NotFound
from domain.scopes import Scope
from imaging.rulesets import Ruleset, rulesets
from packshot.commands.compliance import known_channels
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.forms import Form
from packshot.edge.moments import Day
from packshot.edge.paging import PageAnswer, PageForm, Total, page_of
from packshot.edge.report_shapes import RulesetAnswer, ruleset_answer
from packshot.edge.shapes import Answer


class RulesetSummaryAnswer(Answer):
    """The rules of a channel in short; ``rules`` counts those in force today."""

    channel: str
    name: str
    version: str
    hash: str
    rules: int


class RulesetsAnswer(Answer):
    """A page of rulesets, in the order of their channels."""

    data: list[RulesetSummaryAnswer]
    page: PageAnswer


class AsOfForm(Form):
    """The day whose rules are meant."""

    as_of: Annotated[date, Day()] | None = Field(
        None, description="The day whose rules are meant; today where it is left out."
    )


@endpoint(
    "GET",
    "/api/v1/rulesets",
    scope=Scope.COMPLIANCE_CHECK,
    form=PageForm,
    answer=RulesetsAnswer,
)
async def list_rulesets(call: Call[PageForm]) -> Reply:
    """List the channels whose rules are known."""
    every = list(rulesets().values())
    after = call.form.after
    rest = [ruleset for ruleset in every if after is None or ruleset.channel > after]
    shown, page = page_of(
        rest[: call.form.limit + 1],
        call.form,
        total=Total(len(every)),
        place=lambda ruleset: ruleset.channel,
    )
    today = call.services.compliance.today()
    return Reply(RulesetsAnswer(data=[_summary(each, today) for each in shown], page=page))


@endpoint(
    "GET",
    "/api/v1/rulesets/{channel}",
    scope=Scope.COMPLIANCE_CHECK,
    form=AsOfForm,
    answer=RulesetAnswer,
    refuses=("not_found",),
)
async def find_ruleset(call: Call[AsOfForm]) -> Reply:
    """Answer the rules of a channel that are in force on a day."""
    ruleset = rulesets().get(call.path["channel"])
    if ruleset is None:
        known = ", ".join(known_channels())
        raise NotFound(
            "not_found",
            f"There are no rules for this channel; there are for {known}.",
            fix="See GET /api/v1/rulesets.",
        )
    return Reply(ruleset_answer(ruleset, as_of=call.form.as_of or call.services.compliance.today()))


def _summary(ruleset: Ruleset, today: date) -> RulesetSummaryAnswer:
    return RulesetSummaryAnswer(
        channel=ruleset.channel,
        name=ruleset.name,
        version=ruleset.version,
        hash=ruleset.hash,
        rules=sum(rule.holds_on(today) for rule in ruleset.rules),
    )
