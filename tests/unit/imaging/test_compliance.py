"""Judging: just inside a rule passes, just outside it does not, and the fix says how to mend it."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from imaging.compliance import Finding, Report, judge
from imaging.facts import Facts
from imaging.rulesets import rulesets

TODAY = date(2026, 11, 22)
# A packshot with which every channel is content.
GOOD = Facts(
    format="jpeg",
    width_px=2200,
    height_px=2200,
    size_bytes=400_000,
    pages=1,
    bit_depth=8,
    colour_space="rgb",
    colour_profile="none",
    jpeg_quality=92,
    transparent_share=0.0,
    border_pure_share=1.0,
    border_light_share=1.0,
    background_kind="white",
    background_pure_share=1.0,
    background_light_share=1.0,
    background_spread=0.0,
    subject_box=(300.0, 154.0, 1600.0, 1892.0),
    subject_confidence=1.0,
    fill_longest=0.86,
    fill_box=0.62,
    fill_outline=0.5,
    touches_edge=False,
    sharpness=300.0,
)


def judged(channel: str, *, slot: Any = "main", as_of: date = TODAY, **facts: Any) -> Report:
    """The report on the good packshot with other facts."""
    return judge(replace(GOOD, **facts), rulesets()[channel], slot=slot, as_of=as_of)


def found(report: Report, rule: str) -> Finding:
    """What one rule found."""
    return next(finding for finding in report.findings if finding.rule.id == rule)


@pytest.mark.parametrize("channel", ["amazon", "ebay", "google", "shopify", "walmart"])
@pytest.mark.parametrize("slot", ["main", "additional"])
def test_a_good_packshot_passes_everywhere(channel: str, slot: str) -> None:
    report = judged(channel, slot=slot)

    assert report.verdict == "pass"
    assert report.broken == ()
    assert report.fix is None


def side(px: int) -> dict[str, Any]:
    return {"width_px": px, "height_px": px}


CASES: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    # channel, rule, just inside, just outside, the status outside
    ("amazon", "size.longest_side_min", side(500), side(499), "fail"),
    ("amazon", "size.longest_side_min", {"width_px": 500, "height_px": 20},
     {"width_px": 499, "height_px": 499}, "fail"),
    ("amazon", "size.zoom", side(1000), side(999), "warn"),
    ("amazon", "size.advised", side(1600), side(1599), "warn"),
    ("amazon", "size.longest_side_max", side(10_000), side(10_001), "fail"),
    ("amazon", "background.pure_white", {"background_pure_share": 0.999},
     {"background_pure_share": 0.9989}, "fail"),
    ("amazon", "subject.fill", {"fill_longest": 0.85}, {"fill_longest": 0.8499}, "fail"),
    ("amazon", "file.format", {"format": "png"}, {"format": "webp"}, "fail"),
    ("amazon", "file.format_preferred", {"format": "jpeg"}, {"format": "png"}, "warn"),
    ("amazon", "file.still", {"pages": 1}, {"pages": 2}, "fail"),
    ("amazon", "file.bytes_max", {"size_bytes": 10_000_000}, {"size_bytes": 10_000_001}, "fail"),
    ("amazon", "colour.rgb", {"colour_space": "rgb"}, {"colour_space": "cmyk"}, "warn"),
    ("amazon", "colour.srgb", {"colour_profile": "srgb"}, {"colour_profile": "other"}, "warn"),
    ("google", "size.shortest_side_min", {"width_px": 100}, {"width_px": 99}, "fail"),
    ("google", "size.advised", side(1500), side(1499), "warn"),
    ("google", "size.megapixels_max", side(8000), {"width_px": 8001, "height_px": 8000}, "fail"),
    ("google", "size.square", {"width_px": 2179}, {"width_px": 2178}, "warn"),
    ("google", "background.light", {"background_kind": "transparent"},
     {"background_kind": "dark"}, "warn"),
    ("google", "subject.fill_min", {"fill_longest": 0.75}, {"fill_longest": 0.7499}, "warn"),
    ("google", "subject.fill_max", {"fill_longest": 0.9}, {"fill_longest": 0.9001}, "warn"),
    ("google", "file.format", {"format": "webp"}, {"format": "avif"}, "fail"),
    ("google", "file.bytes_max", {"size_bytes": 16_000_000}, {"size_bytes": 16_000_001}, "fail"),
    ("ebay", "size.longest_side_min", side(500), side(499), "fail"),
    ("ebay", "size.longest_side_warned", side(1000), side(999), "warn"),
    ("ebay", "size.advised", side(1600), side(1599), "warn"),
    ("ebay", "size.longest_side_max", side(9000), side(9001), "fail"),
    ("ebay", "background.plain", {"background_kind": "coloured"},
     {"background_kind": "cluttered"}, "warn"),
    ("ebay", "file.format", {"format": "png"}, {"format": "webp"}, "fail"),
    ("ebay", "file.bytes_max", {"size_bytes": 12_000_000}, {"size_bytes": 12_000_001}, "fail"),
    ("ebay", "file.jpeg_quality", {"jpeg_quality": 90}, {"jpeg_quality": 89}, "warn"),
    ("ebay", "colour.rgb", {"colour_space": "rgb"}, {"colour_space": "grey"}, "warn"),
    ("walmart", "size.shortest_side_asked", side(2200), side(2199), "warn"),
    ("walmart", "size.zoom", side(1500), side(1499), "warn"),
    ("walmart", "size.square", {"width_px": 2179}, {"width_px": 2178}, "fail"),
    ("walmart", "background.pure_white", {"background_pure_share": 0.999},
     {"background_pure_share": 0.9989}, "fail"),
    ("walmart", "file.format", {"format": "png"}, {"format": "webp"}, "fail"),
    ("walmart", "file.bytes_max", {"size_bytes": 5_000_000}, {"size_bytes": 5_000_001}, "fail"),
    ("walmart", "file.bit_depth", {"bit_depth": 8}, {"bit_depth": 16}, "fail"),
    ("walmart", "colour.rgb", {"colour_space": "rgb"}, {"colour_space": "cmyk"}, "fail"),
    ("shopify", "size.advised_min", side(800), side(799), "warn"),
    ("shopify", "size.advised", side(2048), side(2047), "warn"),
    ("shopify", "size.longest_side_safe", side(4472), side(4473), "warn"),
    ("shopify", "size.megapixels_safe", {"width_px": 5000, "height_px": 4000},
     {"width_px": 5000, "height_px": 4001}, "warn"),
    ("shopify", "size.longest_side_max", {"width_px": 5000}, {"width_px": 5001}, "fail"),
    ("shopify", "size.megapixels_max", side(5000), {"width_px": 5001, "height_px": 5000}, "fail"),
    ("shopify", "file.format", {"format": "webp"}, {"format": "avif"}, "fail"),
    ("shopify", "file.bytes_max", {"size_bytes": 20_000_000}, {"size_bytes": 20_000_001}, "fail"),
    ("shopify", "colour.srgb", {"colour_profile": "none"}, {"colour_profile": "other"}, "warn"),
]  # fmt: skip


@pytest.mark.parametrize(("channel", "rule", "inside", "outside", "status"), CASES)
def test_just_inside_a_rule_passes_and_just_outside_does_not(
    channel: str, rule: str, inside: dict[str, Any], outside: dict[str, Any], status: str
) -> None:
    kept, broken = judged(channel, **inside), judged(channel, **outside)

    assert found(kept, rule).status == "pass"
    assert found(kept, rule).fix is None
    assert found(broken, rule).status == status
    assert broken.verdict in {status, "fail"}


def test_every_rule_that_ships_has_such_a_case() -> None:
    shipped = {(channel, rule.id) for channel, each in rulesets().items() for rule in each.rules}

    assert {(channel, rule) for channel, rule, *_ in CASES} == shipped


@pytest.mark.parametrize(("channel", "rule", "inside", "outside", "status"), CASES)
def test_the_fix_of_every_broken_rule_is_a_recipe_that_keeps_it(
    channel: str, rule: str, inside: dict[str, Any], outside: dict[str, Any], status: str
) -> None:
    report = judged(channel, **outside)

    assert found(report, rule).fix
    assert report.fix is not None
    recipe = report.fix.recipe
    mended = judged(
        channel,
        width_px=recipe.width_px,
        height_px=recipe.height_px,
        format=recipe.output_format,
        fill_longest=recipe.target_fill,
        jpeg_quality=recipe.quality,
        background_kind="white" if recipe.background == "white" else GOOD.background_kind,
    )
    assert found(mended, rule).status == "pass", (inside, status)


@pytest.mark.parametrize(
    ("as_of", "status"),
    [(date(2026, 11, 22), "pass"), (date(2027, 1, 30), "pass"), (date(2027, 1, 31), "fail"),
     (date(2028, 1, 1), "fail")],
)  # fmt: skip
def test_a_small_picture_fails_google_from_the_day_of_its_rule(as_of: date, status: str) -> None:
    finding = found(judged("google", as_of=as_of, **side(499)), "size.shortest_side_min")

    assert finding.status == status
    assert finding.measured == "499 px"


def test_five_hundred_is_enough_on_that_day() -> None:
    report = judged("google", as_of=date(2027, 1, 31), **side(500))

    assert found(report, "size.shortest_side_min").status == "pass"


def test_a_rule_says_what_it_expected_and_what_it_measured() -> None:
    report = judged("amazon", size_bytes=12_340_000, format="webp", fill_longest=0.7512)

    fill = found(report, "subject.fill")
    assert found(report, "file.bytes_max").expected == "at most 10 MB"
    assert found(report, "file.bytes_max").measured == "12.3 MB"
    assert found(report, "file.format").expected == "one of jpeg, png, tiff, gif"
    assert found(report, "file.format_preferred").expected == "jpeg"
    assert fill.expected == "at least 85 % of the frame along the longest side of the subject's box"
    assert fill.measured.startswith("75.12 % along the longest side of the subject's box")
    assert "its box takes 62 % of the area, its outline 50 %" in fill.measured


def test_a_measure_is_never_rounded_up_to_its_rule() -> None:
    finding = found(judged("amazon", fill_longest=0.84999), "subject.fill")

    assert finding.status == "fail"
    assert finding.measured.startswith("84.99 %")


def test_an_uncertain_outline_warns_where_a_certain_one_fails() -> None:
    report = judged("amazon", fill_longest=0.5, subject_confidence=0.59)

    assert found(report, "subject.fill").status == "warn"
    assert "the outline is uncertain" in found(report, "subject.fill").measured
    assert report.verdict == "warn"


def test_a_required_rule_that_cannot_be_measured_is_no_pass() -> None:
    report = judged(
        "amazon", subject_box=None, subject_confidence=None, fill_longest=None, fill_box=None
    )

    assert found(report, "subject.fill").status == "skipped"
    assert found(report, "subject.fill").measured == "no subject stands out from its background"
    assert report.verdict == "warn"


def test_a_recommended_rule_that_does_not_apply_changes_nothing() -> None:
    report = judged("ebay", format="png", jpeg_quality=None)

    assert found(report, "file.jpeg_quality").status == "skipped"
    assert report.verdict == "pass"


def test_the_background_and_the_fill_of_an_additional_picture_are_free() -> None:
    report = judged(
        "amazon", slot="additional", fill_longest=0.2, background_pure_share=0.0,
        background_kind="cluttered",
    )  # fmt: skip

    assert report.verdict == "pass"


def test_one_recipe_keeps_every_rule_of_amazon() -> None:
    report = judged("amazon", **side(400), background_pure_share=0.2, fill_longest=0.4)

    assert report.verdict == "fail"
    assert report.fix is not None
    assert report.fix.fields == {
        "width": 2000, "height": 2000, "background": "white", "frame": {"targetFill": 0.86},
        "format": "jpeg", "quality": 92, "shadow": {"mode": "none"},
    }  # fmt: skip
    assert report.fix.recipe.shadow == "none"
    assert report.fix.recipe.target_fill == 0.86


def test_the_recipe_of_one_rule_has_only_its_own_fields() -> None:
    report = judged("amazon", **side(400), background_pure_share=0.2, fill_longest=0.4)

    assert found(report, "size.longest_side_min").fix == {"width": 2000, "height": 2000}
    assert found(report, "subject.fill").fix == {"frame": {"targetFill": 0.86}}
    assert found(report, "background.pure_white").fix == {
        "background": "white", "shadow": {"mode": "none"},
    }  # fmt: skip


def test_a_picture_whose_framing_is_free_keeps_its_aspect() -> None:
    report = judged("amazon", slot="additional", width_px=400, height_px=200)

    assert report.fix is not None
    assert (report.fix.recipe.width_px, report.fix.recipe.height_px) == (2000, 1000)
    assert report.fix.recipe.background == "keep"


@pytest.mark.parametrize(
    ("channel", "sides"), [("walmart", (2200, 2200)), ("shopify", (2048, 2048))]
)
def test_the_recipe_is_as_large_as_the_channel_asks(channel: str, sides: tuple[int, int]) -> None:
    report = judged(channel, **side(300))

    assert report.fix is not None
    assert (report.fix.recipe.width_px, report.fix.recipe.height_px) == sides


def test_a_file_that_is_too_large_is_mended_by_a_lower_quality() -> None:
    report = judged("walmart", size_bytes=6_000_000)

    assert report.fix is not None
    assert report.fix.recipe.quality == 85


def test_the_lower_quality_still_keeps_a_rule_about_it() -> None:
    report = judged("ebay", size_bytes=13_000_000)

    assert report.fix is not None
    assert report.fix.recipe.quality == 90


def test_a_picture_that_is_small_enough_keeps_the_usual_quality() -> None:
    report = judged("walmart", **side(300))

    assert report.fix is not None
    assert report.fix.recipe.quality == 92
