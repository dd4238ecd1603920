"""What every check of a picture is told about the rules: channels, slot, day; and its report."""

from datetime import date
from typing import Annotated

from pydantic import Field

from domain.errors import InvalidInput
from imaging.compliance import Report
from imaging.rulesets import Slot
from packshot.commands.compliance import known_channels
from packshot.edge.fields import Truth, Word
from packshot.edge.forms import Form
from packshot.edge.lists import WordList
from packshot.edge.moments import Day
from packshot.edge.report_shapes import ReportAnswer, report_answer
from packshot.edge.shapes import WarningAnswer

CHANNELS = tuple(known_channels())


class RulesFields(Form):
    """The channels whose rules are meant, and what is to be told of them."""

    channel: Annotated[str, Word(CHANNELS)] | None = Field(
        None, description="The marketplace whose rules are meant."
    )
    channels: Annotated[tuple[str, ...], WordList(CHANNELS)] | None = Field(
        None, description="Several marketplaces, in place of channel."
    )
    slot: Annotated[str, Word(("main", "additional"))] = Field(
        "main", description="Whether it is the main picture of a listing, or one of the others."
    )
    as_of: Annotated[date, Day()] | None = Field(
        None, description="The day whose rules are meant; today where it is left out."
    )
    evidence: Annotated[bool, Truth()] = Field(
        default=False,
        description="Whether each rule tells its evidence; there are no overlays yet.",
    )
    # Each endpoint says which words it takes.
    fix: str = "suggest"


def channels_of(form: RulesFields) -> tuple[str, ...]:
    """The channels that a request names, in its order; raises InvalidInput for none or two ways."""
    if form.channel is not None and form.channels is not None:
        raise InvalidInput(
            "invalid_parameter",
            "The request holds both channel and channels.",
            param="channels",
            allowed={"values": list(CHANNELS)},
            fix="Send one of them.",
        )
    if form.channel is None and form.channels is None:
        raise InvalidInput(
            "missing_parameter",
            f"The request names no channel; there are rules for {', '.join(CHANNELS)}.",
            param="channel",
            allowed={"values": list(CHANNELS)},
            fix=f"Send channel={CHANNELS[0]}.",
        )
    return form.channels if form.channels is not None else (form.channel or "",)


def slot_of(form: RulesFields) -> Slot:
    """The slot that a request means."""
    return "additional" if form.slot == "additional" else "main"


def report_told(form: RulesFields, report: Report, *warnings: tuple[str, str]) -> ReportAnswer:
    """The report as the request wants it told, with warnings as codes and details."""
    answer = report_answer(report, with_fix=form.fix != "none", with_evidence=form.evidence)
    listed = [WarningAnswer(code=code, detail=detail) for code, detail in warnings]
    return answer.model_copy(update={"warnings": listed})
