"""POST /api/v1/compliance: what the rules of marketplaces say of a picture, and a mended one."""

from functools import partial
from typing import Annotated

from pydantic import ConfigDict, Field

from domain.errors import InvalidInput
from domain.job import HIGHEST_PRIORITY
from domain.output import Output
from domain.scopes import Scope
from imaging.compliance import Finding, Report
from imaging.limits import TooLargeHere
from packshot.commands.jobs import Changed, Plan
from packshot.commands.making import Photo, Wish
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.credentials import require_scope
from packshot.edge.fetching import fetched
from packshot.edge.fields import NotYet, Word
from packshot.edge.job_shapes import refusal_of_job
from packshot.edge.report_shapes import ReportAnswer, ReportsAnswer
from packshot.edge.rule_fields import RulesFields, channels_of, report_told, slot_of
from packshot.edge.shapes import OutputAnswer, output_answer
from packshot.edge.sources import Address, Text, source_of
from packshot.store.head import LogHead

# The HTTP API: "Pictures above 24 MP run on a worker"; their answer is waited for this long.
LONGEST_WAIT_S = 25.0


class ComplianceForm(RulesFields):
    """A picture, the channels whose rules are meant, and what is to be done about broken ones."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["imageUrl"]}, {"required": ["outputId"]}]}
    )

    fix: Annotated[str, Word(("none", "suggest", "apply"))] = Field(
        "suggest",
        description="suggest: the recipe that mends it; apply: the mended picture, too.",
    )
    output_id: Text = Field(None, description="An earlier output, in place of the file.")
    image_url: Address = Field(
        None, description="An address to fetch the picture from, in place of the file."
    )
    input_id: Annotated[None, NotYet("send the picture itself as the multipart file image.")] = None


@endpoint(
    "POST",
    "/api/v1/compliance",
    scope=Scope.COMPLIANCE_CHECK,
    cost=1.0,
    form=ComplianceForm,
    file_field="image",
    answer=ReportsAnswer,
    refuses=(
        "missing_parameter", "ambiguous_input", "too_many_pixels", "too_much_memory",
        "unsupported_image_format", "malformed_image", "url_not_allowed", "url_fetch_failed",
        "org_suspended", "overloaded", "timeout", "job_dead",
    ),
    answer_headers=("x-log-position", "x-log-head"),
)  # fmt: skip
async def check_compliance(call: Call[ComplianceForm]) -> Reply:
    """Judge a picture by the rules of marketplaces; fix=apply makes one that keeps them."""
    form = call.form
    channels = channels_of(form)
    if form.fix == "apply":
        _refuse_fix_of(channels)
        require_scope(call.key, Scope.IMAGES_PROCESS)
    source = await source_of(call)
    async with fetched(call, source) as photo:
        reports = await call.services.compliance.check(
            photo, channels=channels, slot=slot_of(form), as_of=form.as_of
        )
        if form.fix == "apply" and reports[0].verdict != "pass":
            return await _fixed(call, photo, reports[0])
    return Reply(ReportsAnswer(reports=[report_told(call.form, report) for report in reports]))


async def _fixed(call: Call[ComplianceForm], photo: Photo, report: Report) -> Reply:
    """The report with the mended picture; it is judged once everything is committed."""
    if report.fix is None:
        return _answer(
            report_told(call.form, report, ("no_fix", "No recipe mends what is broken."))
        )
    wish = Wish(report.fix.recipe)
    try:
        processed = await call.services.images.process(call.context, photo, wish)
    except TooLargeHere:
        changed = await call.services.jobs.request(
            call.context, photo, wish, plan=Plan(priority=HIGHEST_PRIORITY)
        )
        first = _answer(report_told(call.form, report, _still_made(changed)))
        later = partial(_made_by_a_worker, call, report, changed)
        return Reply(first.body, head=changed.head, later=later)
    mended = output_answer(processed.output).model_copy(
        update={"job_id": str(processed.job_id), "cached": processed.cached}
    )
    first = _answer(report_told(call.form, report).model_copy(update={"fixed_output": mended}))
    later = partial(
        _judged_again, call, report, output=processed.output, mended=mended, head=processed.head
    )
    return Reply(first.body, head=processed.head, later=later)


async def _made_by_a_worker(call: Call[ComplianceForm], report: Report, asked: Changed) -> Reply:
    """The report with what a worker made of a large picture, or with the job's id in a warning."""
    job = await call.services.jobs.wait(call.key.org_id, asked.job.job_id, at_most_s=LONGEST_WAIT_S)
    if job.error is not None:
        raise refusal_of_job(job.error)
    if job.status != "succeeded":
        reply = _answer(report_told(call.form, report, _still_made(asked)))
        return Reply(reply.body, head=asked.head)
    output = Output.from_dict(job.outputs[0])
    mended = output_answer(output).model_copy(
        update={"job_id": str(job.job_id), "cached": job.cached}
    )
    return await _judged_again(call, report, output=output, mended=mended, head=asked.head)


async def _judged_again(
    call: Call[ComplianceForm],
    report: Report,
    *,
    output: Output,
    mended: OutputAnswer,
    head: LogHead,
) -> Reply:
    """The report with the mended picture and what the same rules say of it."""
    again = await call.services.compliance.check_again(call.key.org_id, output, report)
    warnings = [_still_broken(finding) for finding in again.broken]
    answer = report_told(call.form, report, *warnings).model_copy(
        update={"fixed_output": mended, "fixed_verdict": again.verdict}
    )
    return Reply(ReportsAnswer(reports=[answer]), head=head)


def _answer(report: ReportAnswer) -> Reply:
    return Reply(ReportsAnswer(reports=[report]))


def _still_made(asked: Changed) -> tuple[str, str]:
    return (
        "fix_pending",
        f"The mended picture is being made by the job {asked.job.job_id}; check its output then.",
    )


def _still_broken(finding: Finding) -> tuple[str, str]:
    rule = finding.rule
    detail = f"The mended picture still breaks {rule.id} ({rule.level}): it has {finding.measured};"
    return "still_broken", f"{detail} {finding.expected} is wanted."


def _refuse_fix_of(channels: tuple[str, ...]) -> None:
    """One picture is made: which, is only clear for one channel."""
    if len(channels) > 1:
        raise InvalidInput(
            "invalid_parameter",
            f"fix=apply mends a picture for one channel; got {len(channels)}.",
            param="fix",
            allowed={"values": ["none", "suggest"]},
            fix="Send one channel, or fix=suggest.",
        )
