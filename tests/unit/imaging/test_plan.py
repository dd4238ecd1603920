"""Where the source lands on the canvas."""

import pytest

from imaging.plan import fitting_shrink, on_canvas, place_subject, place_whole
from imaging.recipe import Length, Margins, Recipe

SIZE = (4000, 3000)
BOX = (1000.0, 500.0, 1500.0, 2000.0)


def test_the_limiting_side_meets_the_margins_and_the_other_is_centred() -> None:
    placement = place_subject(BOX, Recipe(), cropped=(), source_size=SIZE)

    left, top, width, height = on_canvas(BOX, placement)

    assert (top, height) == pytest.approx((160, 1680))
    assert left == pytest.approx(2000 - left - width)


def test_pixel_margins_are_kept_each_on_its_side() -> None:
    lengths = (Length.parse(written) for written in ("10px", "20px", "30px", "40px"))
    recipe = Recipe(margins=Margins(*lengths), anchor="top-left")

    left, top, _, height = on_canvas(BOX, place_subject(BOX, recipe, cropped=(), source_size=SIZE))

    assert (left, top, top + height) == pytest.approx((40, 10, 1970))


def test_a_target_fill_replaces_the_margins() -> None:
    recipe = Recipe(target_fill=0.9)

    *_, height = on_canvas(BOX, place_subject(BOX, recipe, cropped=(), source_size=SIZE))

    assert height == pytest.approx(1800)


@pytest.mark.parametrize(
    ("anchor", "place"), [("left", 160), ("right", 580), ("top-left", 160), ("center", 370)]
)
def test_the_anchor_decides_where_the_free_room_goes(anchor: str, place: float) -> None:
    recipe = Recipe(anchor=anchor)  # type: ignore[arg-type] # words from the table above

    left, *_ = on_canvas(BOX, place_subject(BOX, recipe, cropped=(), source_size=SIZE))

    assert left == pytest.approx(place)


def test_a_cut_side_is_laid_on_the_edge_of_the_canvas() -> None:
    box = (1000.0, 1000.0, 1500.0, 2000.0)

    placement = place_subject(box, Recipe(anchor="top"), cropped=("bottom",), source_size=SIZE)

    _, top, _, height = on_canvas(box, placement)
    assert top + height == pytest.approx(2000)
    assert top == pytest.approx(160)


def test_a_picture_without_subject_is_fitted_whole() -> None:
    placement = place_whole(Recipe(), SIZE)

    assert on_canvas((0, 0, 4000, 3000), placement) == pytest.approx((0, 250, 2000, 1500))


@pytest.mark.parametrize(
    ("scale", "shrink"), [(1.0, 1), (0.39, 1), (0.38, 2), (0.19, 4), (0.05, 8)]
)
def test_the_loader_shrinks_as_far_as_the_filter_keeps_its_residual(
    scale: float, shrink: int
) -> None:
    assert fitting_shrink(scale) == shrink
