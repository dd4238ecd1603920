"""The rules of marketplaces as data: one file a channel in ``rules/``, checked when it is read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import yaml

from imaging.metrics import METRICS

FOLDER = Path(__file__).parent / "rules"

Slot = Literal["main", "additional"]
Level = Literal["required", "recommended"]
Op = Literal["ge", "le", "in"]
Grade = Literal["A", "B", "C"]
SLOTS: tuple[Slot, ...] = ("main", "additional")

_WORDS = {
    "slot": (*SLOTS, "any"),
    "level": ("required", "recommended"),
    "op": ("ge", "le", "in"),
    "grade": ("A", "B", "C"),
}
_OPTIONAL = {"unit", "effectiveFrom", "effectiveUntil"}
_FILE_MEMBERS = {"channel", "name", "version", "notChecked", "rules"}


class InvalidRules(Exception):
    """A file of rules says something that cannot be meant; the text names the file and the rule."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a channel.

    ``metric`` names a measured fact (``imaging/metrics.py``) that is to be at least (``ge``), at
    most (``le``) or one of (``in``) ``value``. ``slot`` is main, additional or any. ``grade`` is A
    where the channel's own page or API text was read, B for a third party's page, C for what was
    remembered: never required. ``effective_from`` is the first day on which the rule holds,
    ``effective_until`` the first on which it no longer does; None: always.
    """

    id: str
    slot: Slot | Literal["any"]
    level: Level
    metric: str
    op: Op
    value: float | tuple[str, ...]
    unit: str | None
    fix: str
    source: str
    grade: Grade
    checked_on: date
    effective_from: date | None
    effective_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the rule is in force on that day."""
        begun = self.effective_from is None or self.effective_from <= day
        return begun and (self.effective_until is None or day < self.effective_until)

    def is_for(self, slot: Slot) -> bool:
        """Whether the rule is about pictures of that slot."""
        return self.slot in {slot, "any"}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All rules of a channel, past and coming ones too.

    ``hash`` is the hex SHA-256 over the canonical JSON of what the file says. ``not_checked`` are
    what the channel asks for and nobody here can see.
    """

    channel: str
    name: str
    version: str
    hash: str
    not_checked: tuple[str, ...]
    rules: tuple[Rule, ...]

    def rules_for(self, slot: Slot, as_of: date) -> tuple[Rule, ...]:
        """The rules in force on that day for pictures of that slot, in the file's order."""
        return tuple(rule for rule in self.rules if rule.is_for(slot) and rule.holds_on(as_of))


@cache
def rulesets() -> Mapping[str, Ruleset]:
    """Every ruleset by its channel, in the channels' order; read once. Raises InvalidRules."""
    read = [read_ruleset(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return {ruleset.channel: ruleset for ruleset in read}


def read_ruleset(path: Path) -> Ruleset:
    """Read and check one file; raises InvalidRules."""
    try:
        said = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise InvalidRules(f"{path.name}: not YAML: {error}") from None
    _require_members(said, _FILE_MEMBERS, optional=set(), where=path.name)
    if said["channel"] != path.stem:
        raise InvalidRules(f"{path.name}: its channel is {said['channel']!r}, not {path.stem!r}")
    texts = [said["name"], said["version"], *said["notChecked"]]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidRules(f"{path.name}: name, version and what is notChecked must be texts")
    rules = tuple(_rule(members, path.name) for members in said["rules"])
    _refuse_rules_that_meet(rules, path.name)
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), default=str)
    return Ruleset(
        channel=said["channel"],
        name=said["name"],
        version=said["version"],
        hash=sha256(text.encode()).hexdigest(),
        not_checked=tuple(said["notChecked"]),
        rules=rules,
    )


class _Loader(yaml.SafeLoader):
    """Refuses a member that is given twice, of which YAML silently keeps the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's own
        names = [self.construct_object(name) for name, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.YAMLError(f"{name} is given twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def _rule(members: Any, file: str) -> Rule:
    name = members.get("id", "?") if isinstance(members, dict) else "?"
    where = f"{file}: rule {name}"
    known = {_public(each.name) for each in fields(Rule)}
    _require_members(members, known, optional=_OPTIONAL, where=where)
    for member, words in _WORDS.items():
        if members[member] not in words:
            raise InvalidRules(f"{where}: {member} must be one of {', '.join(words)}")
    for member in ("id", "fix", "source", "metric"):
        if not isinstance(members[member], str) or not members[member].strip():
            raise InvalidRules(f"{where}: {member} must be a text")
    rule = Rule(**{_own(member): members.get(member) for member in known})
    _check(rule, where)
    if rule.op != "in":
        return rule
    assert isinstance(rule.value, list)
    return Rule(**{**asdict(rule), "value": tuple(rule.value)})


def _check(rule: Rule, where: str) -> None:
    metric = METRICS.get(rule.metric)
    if metric is None:
        raise InvalidRules(f"{where}: there is no metric {rule.metric}")
    if not rule.source.startswith("https://"):
        raise InvalidRules(f"{where}: source must be an https address")
    if rule.level == "required" and rule.grade == "C":
        raise InvalidRules(f"{where}: a rule of grade C is never required")
    if rule.level == "required" and metric.is_estimate:
        raise InvalidRules(f"{where}: {rule.metric} is an estimate and never required")
    if (rule.op == "in") != metric.is_word or not _is_value(rule.value, words=metric.is_word):
        raise InvalidRules(f"{where}: {rule.op} {rule.value!r} does not fit {rule.metric}")
    for day in (rule.checked_on, rule.effective_from, rule.effective_until):
        if day is not None and type(day) is not date:
            raise InvalidRules(f"{where}: {day!r} is no date")
    start, end = rule.effective_from, rule.effective_until
    if start is not None and end is not None and end <= start:
        raise InvalidRules(f"{where}: it ends before it begins")


def _is_value(value: object, *, words: bool) -> bool:
    if words:
        return isinstance(value, list) and bool(value) and all(isinstance(w, str) for w in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse_rules_that_meet(rules: tuple[Rule, ...], file: str) -> None:
    """One id may have several values, one after the other, but never two on one day."""
    for number, rule in enumerate(rules):
        for other in rules[number + 1 :]:
            shared = rule.id == other.id and (
                rule.slot == other.slot or "any" in {rule.slot, other.slot}
            )
            days = [day for day in (rule.effective_from, other.effective_from) if day]
            day = max(days, default=date.min)
            if shared and rule.holds_on(day) and other.holds_on(day):
                raise InvalidRules(f"{file}: rule {rule.id}: it is given twice for one day")


def _require_members(said: Any, known: set[str], *, optional: set[str], where: str) -> None:
    if not isinstance(said, dict):
        raise InvalidRules(f"{where}: not a mapping")
    unknown, missing = sorted(map(str, said.keys() - known)), sorted(known - optional - said.keys())
    if unknown:
        raise InvalidRules(f"{where}: unknown member {', '.join(unknown)}")
    if missing:
        raise InvalidRules(f"{where}: missing {', '.join(missing)}")


def _public(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _own(member: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in member)
