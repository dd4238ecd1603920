"""shadow=none: all around the subject is white, and the mended picture keeps Amazon's rules."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

import pictures
from imaging.compliance import judge
from imaging.limits import Limits
from imaging.measure import measure
from imaging.recipe import Recipe
from imaging.rendered import Rendered
from imaging.rulesets import rulesets

Render = Callable[..., tuple[Rendered, Path]]
TODAY = date(2026, 11, 22)
NOBODY_KNOWS = pytest.mark.xfail(
    strict=True, reason="a white product whose outline is not seen; the warning shadow_kept says so"
)
UNSEEN = {"pair-255-245-255-vignette-cast-1200x900", "ball-255-255-239-side-soft-1600x1067"}
GREY = {"pair-120-119-118-side-cast-1600x1067"}


def plain_photos() -> list[Any]:
    """Sixteen photos on plain backdrops; those that cannot be mended today are named."""
    return [
        pytest.param(draw, id=name, marks=NOBODY_KNOWS if name in UNSEEN | GREY else ())
        for name, draw in pictures.photos(16, seed=11)
    ]


@pytest.mark.parametrize("draw", plain_photos())
def test_the_fix_of_a_plain_photo_passes_every_rule_of_amazon(
    draw: Callable[[], pictures.Photo], made: Render, tmp_path: Path
) -> None:
    source = draw().save(tmp_path / "photo.jpg")
    amazon = rulesets()["amazon"]
    report = judge(measure(source, Limits()), amazon, slot="main", as_of=TODAY)
    assert report.fix is not None
    members = report.fix.recipe.to_dict()

    _, out = made(
        source,
        width_px=members["width"] // 2,
        height_px=members["height"] // 2,
        output_format=members["format"],
        background=members["background"],
        shadow=members["shadow"],
        target_fill=members["targetFill"],
    )

    mended = judge(measure(out, Limits()), amazon, slot="main", as_of=TODAY)
    assert report.verdict == "fail"
    assert [(f.rule.id, f.measured) for f in mended.broken if f.rule.level == "required"] == []


@pytest.mark.parametrize("shadow", ["soft", "contact"])
def test_everything_around_the_product_is_exactly_white(
    shadow: str, made: Render, tmp_path: Path
) -> None:
    photo = pictures.photo(shadow=shadow, shape="box")

    rendered, out = made(photo.save(tmp_path / "photo.png"), shadow="none")

    frame = np.asarray(Image.open(out)).copy()
    left, top, width, height = (round(side) for side in rendered.subject.box)  # type: ignore[union-attr]
    frame[top - 6 : top + height + 6, left - 6 : left + width + 6] = 255
    assert frame.min() == 255
    assert rendered.plan["shadow"] == "none"


@pytest.mark.parametrize("shadow", ["soft", "contact", "cast"])
@pytest.mark.parametrize("shape", ["box", "bottle", "ring", "pair", "shoe"])
def test_the_product_keeps_its_pixels(
    shape: str, shadow: str, made: Render, tmp_path: Path
) -> None:
    photo = pictures.photo(shape=shape, shadow=shadow)
    source = photo.save(tmp_path / "photo.png")

    rendered, kept = made(source)
    before = np.asarray(Image.open(kept)).astype(int)
    _, cleared = made(source, shadow="none")
    after = np.asarray(Image.open(cleared)).astype(int)

    placement = rendered.plan["placement"]
    scale, (x, y) = placement["scale"], placement["offset"]
    move = np.array([[scale, 0, x], [0, scale, y]])
    product = cv2.warpAffine(photo.product.astype(np.uint8), move, (500, 500))
    inside = cv2.erode(product, np.ones((3, 3), np.uint8)) > 0
    assert np.abs(before - after)[inside].max() <= 2


def test_a_cut_out_loses_its_shadow_too(made: Render, tmp_path: Path) -> None:
    photo = pictures.photo(shape="box")
    alpha = np.where(photo.product, 255, 0).astype(np.uint8)
    alpha[700:730, 400:800] = 70
    Image.fromarray(np.dstack([photo.pixels, alpha])).save(tmp_path / "cut.png")

    rendered, out = made(tmp_path / "cut.png", shadow="none")

    _, top, _, height = rendered.subject.box  # type: ignore[union-attr]
    assert np.asarray(Image.open(out))[round(top + height) + 8 :].min() == 255


@pytest.mark.parametrize("backdrop", [(250, 160, 130), (38, 38, 38)])
def test_a_backdrop_that_is_kept_keeps_its_shadow(
    backdrop: tuple[int, int, int], made: Render, tmp_path: Path
) -> None:
    photo = pictures.photo(colour=(90, 200, 190), backdrop=backdrop, shadow="none")
    source = photo.save(tmp_path / "photo.png")

    assert made(source, shadow="none")[0].pixel_sha256 == made(source)[0].pixel_sha256


def test_a_white_product_that_melts_into_its_backdrop_is_not_cut(
    made: Render, tmp_path: Path
) -> None:
    photo = pictures.photo(
        shape="shoe", colour=(239, 247, 245), backdrop=(230, 226, 227), shadow="contact"
    )

    rendered, _ = made(photo.save(tmp_path / "photo.jpg"), shadow="none")

    assert "shadow_kept" in {warning.code for warning in rendered.warnings}


def test_a_recipe_that_keeps_the_shadow_is_as_old_as_its_hash() -> None:
    assert "shadow" not in Recipe().to_dict()
    assert Recipe(shadow="none").recipe_hash != Recipe().recipe_hash
    assert Recipe.from_dict(Recipe(shadow="none").to_dict()) == Recipe(shadow="none")
    assert (
        Recipe().recipe_hash == "b9301c0815dc02bf314cb7764f328f6575189a2dc0b5ae8741907ac917b0d7b6"
    )
