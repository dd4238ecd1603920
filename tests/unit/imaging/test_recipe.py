"""A recipe says everything that decides the pixels, and nothing twice."""

import json

import pytest

from domain.errors import InvalidInput
from imaging.recipe import Length, Margins, Recipe


def margins(written: str | float) -> Margins:
    return Margins.all_sides(Length.parse(written))


@pytest.mark.parametrize("written", ["8%", "0.08", 0.08, "0.080", " 8 % ", ".08"])
def test_equal_wishes_have_one_hash(written: str | float) -> None:
    assert Recipe(margins=margins(written)).recipe_hash == Recipe().recipe_hash


@pytest.mark.parametrize(
    "other",
    [
        Recipe(width_px=1999),
        Recipe(margins=margins("80px")),
        Recipe(quality=91),
        Recipe(output_format="webp"),
        Recipe(background="keep"),
        Recipe(target_fill=0.86),
        Recipe(anchor="bottom"),
    ],
)
def test_every_other_wish_has_another_hash(other: Recipe) -> None:
    assert other.recipe_hash != Recipe().recipe_hash


def test_the_quality_of_a_png_decides_nothing() -> None:
    assert (
        Recipe(output_format="png", quality=10).recipe_hash
        == Recipe(output_format="png").recipe_hash
    )


def test_the_margins_under_a_target_fill_decide_nothing() -> None:
    filled = Recipe(target_fill=0.9)

    assert filled.recipe_hash == Recipe(target_fill=0.9, margins=margins("5%")).recipe_hash


def test_a_recipe_survives_json() -> None:
    recipe = Recipe(margins=margins("80px"), output_format="webp", target_fill=0.86, anchor="left")

    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    "written", ["NaN", float("nan"), float("inf"), "-1", -0.1, "", "8 percent", "0x8", True, "1e3"]
)
def test_what_is_no_length_is_not_read(written: str | float) -> None:
    with pytest.raises(ValueError, match="not a length"):
        Length.parse(written)


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"width_px": 0}, "width_out_of_range"),
        ({"height_px": 10_001}, "height_out_of_range"),
        ({"quality": 101}, "quality_out_of_range"),
        ({"target_fill": 1.5}, "target_fill_out_of_range"),
        ({"margins": margins(0.5)}, "margin_out_of_range"),
        ({"margins": margins("1000px")}, "margin_out_of_range"),
        ({"output_format": "gif"}, "invalid_parameter"),
        ({"anchor": "middle"}, "invalid_parameter"),
    ],
)
def test_a_recipe_that_no_picture_can_meet_is_refused(wishes: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Recipe(**wishes)  # type: ignore[arg-type] # wrong on purpose

    assert refused.value.code == code
    assert refused.value.allowed
    assert refused.value.fix
