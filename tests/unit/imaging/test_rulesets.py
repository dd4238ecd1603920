"""The rules as data: what ships is sound, and what is not sound is refused by file and rule."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from imaging.metrics import METRICS
from imaging.rulesets import FOLDER, SLOTS, InvalidRules, read_ruleset, rulesets

TODAY = date(2026, 11, 22)
RULE: Mapping[str, Any] = {
    "id": "size.longest_side_min",
    "slot": "any",
    "level": "required",
    "metric": "longest_side",
    "op": "ge",
    "value": 500,
    "unit": "px",
    "fix": "Send a larger picture.",
    "source": "https://example.com",
    "grade": "B",
    "checkedOn": TODAY,
}


def written(folder: Path, *rules: Mapping[str, Any], **members: Any) -> Path:
    """A file of rules."""
    said = {
        "channel": "shop", "name": "Shop", "version": "1", "notChecked": [], "rules": list(rules)
    }  # fmt: skip
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(said | members))
    return path


def without(member: str) -> dict[str, Any]:
    """The rule without one member."""
    return {name: value for name, value in RULE.items() if name != member}


def test_five_channels_ship() -> None:
    assert list(rulesets()) == ["amazon", "ebay", "google", "shopify", "walmart"]
    assert [path.stem for path in sorted(FOLDER.glob("*.yaml"))] == list(rulesets())


@pytest.mark.parametrize("channel", ["amazon", "ebay", "google", "shopify", "walmart"])
def test_every_rule_that_ships_names_its_source_its_grade_and_its_day(channel: str) -> None:
    for rule in rulesets()[channel].rules:
        assert rule.source.startswith("https://")
        assert rule.checked_on == TODAY
        assert rule.level == "recommended" or rule.grade in {"A", "B"}
        assert rule.metric in METRICS
        assert rule.fix.endswith(".")


@pytest.mark.parametrize("channel", ["amazon", "ebay", "google", "shopify", "walmart"])
@pytest.mark.parametrize("slot", SLOTS)
def test_no_rule_is_given_twice_on_one_day(channel: str, slot: str) -> None:
    for day in (TODAY, date(2027, 1, 30), date(2027, 1, 31), date(2030, 1, 1)):
        ids = [rule.id for rule in rulesets()[channel].rules_for(slot, day)]  # type: ignore[arg-type]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("day", "least"),
    [(date(2026, 11, 22), 100), (date(2027, 1, 30), 100), (date(2027, 1, 31), 500),
     (date(2031, 1, 1), 500)],
)  # fmt: skip
def test_the_least_side_of_google_rises_on_its_day(day: date, least: int) -> None:
    rules = rulesets()["google"].rules_for("main", day)

    assert [r.value for r in rules if r.id == "size.shortest_side_min"] == [least]


def test_a_ruleset_has_the_hash_of_what_its_file_says(tmp_path: Path) -> None:
    first = read_ruleset(written(tmp_path, RULE))
    same = read_ruleset(written(tmp_path, dict(reversed(RULE.items()))))
    other = read_ruleset(written(tmp_path, {**RULE, "value": 501}))

    assert first.hash == same.hash
    assert first.hash != other.hash
    assert len(first.hash) == 64


@pytest.mark.parametrize("member", [m for m in RULE if m != "unit"])
def test_a_rule_that_lacks_a_member_is_refused(member: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match=f"shop.yaml: rule .*: missing {member}"):
        read_ruleset(written(tmp_path, without(member)))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"level": "required", "grade": "C"}, "grade C is never required"),
        ({"metric": "jpeg_quality"}, "an estimate and never required"),
        ({"metric": "weight"}, "no metric weight"),
        ({"severity": 1}, "unknown member severity"),
        ({"slot": "third"}, "slot must be one of main, additional, any"),
        ({"level": "must"}, "level must be one of"),
        ({"op": "eq"}, "op must be one of"),
        ({"grade": "D"}, "grade must be one of"),
        ({"op": "in"}, "does not fit longest_side"),
        ({"value": "500"}, "does not fit longest_side"),
        ({"value": True}, "does not fit longest_side"),
        ({"metric": "format"}, "does not fit format"),
        ({"metric": "format", "op": "in", "value": []}, "does not fit format"),
        ({"metric": "format", "op": "in", "value": [1]}, "does not fit format"),
        ({"source": "a colleague"}, "https address"),
        ({"fix": ""}, "fix must be a text"),
        ({"checkedOn": "yesterday"}, "is no date"),
        ({"effectiveFrom": "2027"}, "is no date"),
        (
            {"effectiveFrom": date(2027, 1, 31), "effectiveUntil": date(2027, 1, 31)},
            "ends before it begins",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_by_its_name(
    members: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRules, match=f"shop.yaml: rule size.longest_side_min.*{reason}"):
        read_ruleset(written(tmp_path, {**RULE, **members}))


def test_two_values_of_one_rule_may_follow_but_not_meet(tmp_path: Path) -> None:
    change, later = date(2027, 1, 31), date(2027, 2, 1)
    old = {**RULE, "effectiveUntil": change}

    read_ruleset(written(tmp_path, old, {**RULE, "effectiveFrom": change}))
    with pytest.raises(InvalidRules, match="given twice for one day"):
        read_ruleset(
            written(tmp_path, {**RULE, "effectiveUntil": later}, {**RULE, "effectiveFrom": change})
        )
    with pytest.raises(InvalidRules, match="given twice for one day"):
        read_ruleset(written(tmp_path, RULE, {**RULE, "slot": "main"}))


def test_main_and_additional_may_differ(tmp_path: Path) -> None:
    ruleset = read_ruleset(
        written(tmp_path, {**RULE, "slot": "main"}, {**RULE, "slot": "additional", "value": 9})
    )

    assert [rule.value for rule in ruleset.rules_for("additional", TODAY)] == [9]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a\n", "not a mapping"),
        ("channel: [", "not YAML"),
        ("channel: shop\nchannel: shop\n", "channel is given twice"),
        ("channel: shop\n", "missing name, notChecked, rules, version"),
    ],
)
def test_a_file_that_is_no_ruleset_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(text)

    with pytest.raises(InvalidRules, match=f"shop.yaml.*{reason}"):
        read_ruleset(tmp_path / "shop.yaml")


def test_what_is_not_checked_is_told_in_texts(tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match="must be texts"):
        read_ruleset(written(tmp_path, RULE, notChecked=[{"the number": "of images"}]))


def test_a_file_is_named_after_its_channel(tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match="its channel is 'mall', not 'shop'"):
        read_ruleset(written(tmp_path, RULE, channel="mall"))
