"""How answers tell what the rules of a marketplace say of a picture, and the rules themselves."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from imaging.compliance import Finding, Report, expected
from imaging.rulesets import Rule, Ruleset
from packshot.edge.shapes import Answer, OutputAnswer, WarningAnswer


class RulesetVersionAnswer(Answer):
    """Which rules were applied: the version of their file and the SHA-256 of what it says."""

    version: str
    hash: str


class RuleFixAnswer(Answer):
    """How to keep a rule: in words, and as fields of ``process`` where that can mend it."""

    text: str
    recipe: Mapping[str, Any] | None


class EvidenceAnswer(Answer):
    """Where the picture breaks the rule; there are no overlays yet."""

    overlay_url: str | None = None


class FindingAnswer(Answer):
    """What one rule found: ``status`` is pass, fail, warn or skipped (it could not be measured)."""

    rule: str
    level: str
    status: str
    expected: str
    measured: str
    fix: RuleFixAnswer | None
    evidence: EvidenceAnswer | None
    source: str
    grade: str
    checked_on: date
    effective_from: date | None
    effective_until: date | None


class ReportAnswer(Answer):
    """What a channel's rules say of a picture.

    ``verdict`` is fail when a required rule is broken, warn when a recommended one is, or a
    required one could not be measured for certain. ``fixRecipe`` are the fields of ``process`` that
    make a picture which keeps every rule that can be mended, ``fixedOutput`` that picture where it
    was asked for, ``fixedVerdict`` what the same rules say of it. ``notChecked`` is what the
    channel asks for and nobody here looks at.
    """

    channel: str
    slot: str
    as_of: date
    verdict: str
    ruleset: RulesetVersionAnswer
    rules: list[FindingAnswer]
    fix_recipe: Mapping[str, Any] | None
    fixed_output: OutputAnswer | None
    fixed_verdict: str | None
    not_checked: list[str]
    warnings: list[WarningAnswer]


class ReportsAnswer(Answer):
    """A report for each channel, in the order in which they were asked for."""

    reports: list[ReportAnswer]


class RuleAnswer(Answer):
    """A rule as its file says it: ``metric`` is to be at least, at most or one of ``value``.

    It holds from ``effectiveFrom`` on, and no longer on ``effectiveUntil``.
    """

    rule: str
    slot: str
    level: str
    metric: str
    op: str
    value: int | float | list[str]
    unit: str | None
    expected: str
    fix: str
    source: str
    grade: str
    checked_on: date
    effective_from: date | None
    effective_until: date | None


class RulesetAnswer(Answer):
    """A channel's rules in force on a day, and those that are to come after it."""

    channel: str
    name: str
    version: str
    hash: str
    as_of: date
    rules: list[RuleAnswer]
    coming: list[RuleAnswer]
    not_checked: list[str]


def report_answer(report: Report, *, with_fix: bool, with_evidence: bool) -> ReportAnswer:
    """The report as callers are told of it; without recipes where they did not ask for them."""
    return ReportAnswer(
        channel=report.ruleset.channel,
        slot=report.slot,
        as_of=report.as_of,
        verdict=report.verdict,
        ruleset=RulesetVersionAnswer(version=report.ruleset.version, hash=report.ruleset.hash),
        rules=[
            _finding_answer(finding, with_fix=with_fix, with_evidence=with_evidence)
            for finding in report.findings
        ],
        fix_recipe=report.fix.fields if report.fix is not None and with_fix else None,
        fixed_output=None,
        fixed_verdict=None,
        not_checked=list(report.ruleset.not_checked),
        warnings=[],
    )


def ruleset_answer(ruleset: Ruleset, *, as_of: date) -> RulesetAnswer:
    """The rules as callers are told of them."""
    coming = [
        rule
        for rule in ruleset.rules
        if rule.effective_from is not None and rule.effective_from > as_of
    ]
    return RulesetAnswer(
        channel=ruleset.channel,
        name=ruleset.name,
        version=ruleset.version,
        hash=ruleset.hash,
        as_of=as_of,
        rules=_rule_answers([rule for rule in ruleset.rules if rule.holds_on(as_of)]),
        coming=_rule_answers(coming),
        not_checked=list(ruleset.not_checked),
    )


def _finding_answer(finding: Finding, *, with_fix: bool, with_evidence: bool) -> FindingAnswer:
    rule, is_broken = finding.rule, finding.status in {"fail", "warn"}
    recipe = finding.fix if with_fix else None
    return FindingAnswer(
        rule=rule.id,
        level=rule.level,
        status=finding.status,
        expected=finding.expected,
        measured=finding.measured,
        fix=RuleFixAnswer(text=rule.fix, recipe=recipe) if is_broken else None,
        evidence=EvidenceAnswer() if with_evidence else None,
        source=rule.source,
        grade=rule.grade,
        checked_on=rule.checked_on,
        effective_from=rule.effective_from,
        effective_until=rule.effective_until,
    )


def _rule_answers(rules: Sequence[Rule]) -> list[RuleAnswer]:
    return [
        RuleAnswer(
            rule=rule.id,
            slot=rule.slot,
            level=rule.level,
            metric=rule.metric,
            op=rule.op,
            value=list(rule.value) if isinstance(rule.value, tuple) else rule.value,
            unit=rule.unit,
            expected=expected(rule),
            fix=rule.fix,
            source=rule.source,
            grade=rule.grade,
            checked_on=rule.checked_on,
            effective_from=rule.effective_from,
            effective_until=rule.effective_until,
        )
        for rule in rules
    ]
