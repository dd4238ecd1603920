"""Judge measured facts by the rules of a channel: pure, and every rule tells what it saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from imaging.facts import Facts
from imaging.metrics import METRICS, Value
from imaging.remedies import Fix, remedy_of, together, without_smaller
from imaging.rendered import UNCERTAIN
from imaging.rulesets import Rule, Ruleset, Slot

Status = Literal["pass", "fail", "warn", "skipped"]
Verdict = Literal["pass", "fail", "warn"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found.

    ``skipped`` is a rule whose fact cannot be measured of this picture. ``fix`` are the fields of
    ``process`` that mend this one rule: None where it is kept, or ``process`` cannot mend it.
    """

    rule: Rule
    status: Status
    expected: str
    measured: str
    fix: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a channel's rules say of a picture on a day.

    The verdict is ``fail`` when a required rule is broken; ``warn`` when a recommended one is, or
    when a required one could not be measured or its measure is uncertain; else ``pass``. ``fix``
    makes a picture that keeps every rule that ``process`` can mend; None when nothing is broken or
    nothing that is broken can be mended.
    """

    ruleset: Ruleset
    slot: Slot
    as_of: date
    verdict: Verdict
    findings: Sequence[Finding]
    fix: Fix | None
    facts: Facts

    @property
    def broken(self) -> Sequence[Finding]:
        """The findings that are not as the channel wants it."""
        return tuple(finding for finding in self.findings if finding.status in {"fail", "warn"})


def judge(facts: Facts, ruleset: Ruleset, *, slot: Slot, as_of: date) -> Report:
    """Judge a picture's facts by the rules that hold on that day for that slot."""
    rules = ruleset.rules_for(slot, as_of)
    findings = tuple(_finding(rule, facts) for rule in rules)
    return Report(
        ruleset=ruleset,
        slot=slot,
        as_of=as_of,
        verdict=_verdict(findings),
        findings=findings,
        fix=_fix(findings, facts),
        facts=facts,
    )


def expected(rule: Rule) -> str:
    """What the rule wants, for people to read."""
    if isinstance(rule.value, tuple):
        return rule.value[0] if len(rule.value) == 1 else f"one of {', '.join(rule.value)}"
    words = "at least" if rule.op == "ge" else "at most"
    return f"{words} {METRICS[rule.metric].written(rule.value)}{_OF.get(rule.metric, '')}"


def _finding(rule: Rule, facts: Facts) -> Finding:
    value = METRICS[rule.metric].of(facts)
    status = _status(rule, value, facts)
    remedy = remedy_of(rule) if status in {"fail", "warn"} else None
    return Finding(
        rule=rule,
        status=status,
        expected=expected(rule),
        measured=_measured(rule, value, facts),
        fix=None if remedy is None else remedy.fields(facts),
    )


def _status(rule: Rule, value: Value, facts: Facts) -> Status:
    if value is None:
        return "skipped"
    if _keeps(rule, value):
        return "pass"
    if rule.level == "recommended" or _is_uncertain(rule, facts):
        return "warn"
    return "fail"


def _keeps(rule: Rule, value: float | str) -> bool:
    if isinstance(rule.value, tuple):
        return value in rule.value
    assert not isinstance(value, str)
    return value >= rule.value if rule.op == "ge" else value <= rule.value


def _is_uncertain(rule: Rule, facts: Facts) -> bool:
    confidence = facts.subject_confidence
    is_of_subject = METRICS[rule.metric].is_of_subject
    return is_of_subject and confidence is not None and confidence < UNCERTAIN


def _verdict(findings: Sequence[Finding]) -> Verdict:
    statuses = {finding.status for finding in findings}
    if "fail" in statuses:
        return "fail"
    unseen = any(f.status == "skipped" and f.rule.level == "required" for f in findings)
    return "warn" if unseen or "warn" in statuses else "pass"


def _fix(findings: Sequence[Finding], facts: Facts) -> Fix | None:
    """One recipe that also keeps what is not broken: a render frames and encodes anew."""
    if not any(finding.fix is not None for finding in findings):
        return None
    is_small = all(f.status == "pass" for f in findings if f.rule.metric == "bytes")
    remedies = [remedy_of(finding.rule) for finding in findings]
    remedy = together(remedy for remedy in remedies if remedy is not None)
    return (without_smaller(remedy) if is_small else remedy).whole(facts)


def _measured(rule: Rule, value: Value, facts: Facts) -> str:
    if value is None:
        return _UNSEEN.get(rule.metric, "not measured")
    if isinstance(value, str):
        return value
    written = METRICS[rule.metric].written(value)
    if rule.metric == "fill_longest":
        return f"{written}{_other_fills(facts)}"
    return f"{written}{_OF.get(rule.metric, '')}"


def _other_fills(facts: Facts) -> str:
    share = METRICS["fill_longest"].written
    box, outline = share(facts.fill_box or 0), share(facts.fill_outline or 0)
    sure = "; the outline is uncertain" if (facts.subject_confidence or 1) < UNCERTAIN else ""
    return (
        f" along the longest side of the subject's box (its box takes {box} of the area, "
        f"its outline {outline}{sure})"
    )


_OF = {
    "background_pure_share": " of the background at 255, 255, 255",
    "background_light_share": " of the background at 250 or more",
    "border_pure_share": " of the border at 255, 255, 255",
    "border_light_share": " of the border at 250 or more",
    "fill_longest": " of the frame along the longest side of the subject's box",
    "pages": " frame",
}
_UNSEEN = {
    "fill_longest": "no subject stands out from its background",
    "background_pure_share": "no background is seen",
    "background_light_share": "no background is seen",
    "jpeg_quality": "not a JPEG",
}
