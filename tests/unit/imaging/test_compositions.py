"""Subjects before made backdrops and in other lights: no halo, no band, no hard shadow."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import pictures
from domain.errors import InvalidImage, InvalidInput
from imaging.background_recipe import BackgroundRecipe
from imaging.lengths import Margins
from imaging.lighting import Light, Shadow
from imaging.limits import Limits
from imaging.operations import AnyRecipe
from imaging.prompts import read_prompt
from imaging.relight_recipe import RelightRecipe
from imaging.rendered import Rendered
from imaging.rendering import render

Make = Callable[[object, AnyRecipe], tuple[Rendered, np.ndarray]]

NO_SHADOW = Shadow("none")
GREEN = (40, 160, 60)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Render a photo of tests/pictures.py, pixels or bytes; answers the rendered and its pixels."""

    def made(source: object, recipe: AnyRecipe) -> tuple[Rendered, np.ndarray]:
        path, out = tmp_path / "source", tmp_path / "out"
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            pixels = source.pixels if isinstance(source, pictures.Photo) else source
            Image.fromarray(pixels).save(path, "PNG", compress_level=1)  # type: ignore[arg-type] # pixels are left
        rendered = render(path, recipe, destination=out, limits=Limits())
        return rendered, np.asarray(Image.open(io.BytesIO(out.read_bytes())).convert("RGB"))

    return made


def on_colour(colour: str, side: int = 600, **wish: object) -> BackgroundRecipe:
    wish.setdefault("shadow", NO_SHADOW)
    return BackgroundRecipe(
        kind="solid", colours=(colour,), width_px=side, height_px=side, output_format="png", **wish
    )  # type: ignore[arg-type] # a test states its own fields


def relit(**wish: object) -> RelightRecipe:
    return RelightRecipe(output_format="png", **wish)  # type: ignore[arg-type] # as above


def cut_out_disc(side: int = 400, radius: float = 100) -> tuple[np.ndarray, np.ndarray]:
    """A red disc with transparency around it, and its true alpha (0–1)."""
    y, x = np.mgrid[:side, :side] + 0.5
    alpha = np.clip(radius - np.hypot(x - side / 2, y - side / 2) + 0.5, 0, 1)
    colours = np.broadcast_to(np.array([200, 30, 30], np.uint8), (side, side, 3))
    return np.dstack([colours, (alpha * 255).round().astype(np.uint8)]), alpha


# A gap in the product that lies in its own shadow is not known from a grey part: it stays.
@pytest.mark.parametrize(
    ("shape", "shadow"),
    [
        (shape, shadow)
        for shape in pictures.SHAPES
        for shadow in ("none", "soft", "contact")
        if (shape, shadow) != ("ring", "soft")
    ],
)
def test_an_edge_before_a_new_backdrop_has_no_halo_of_the_old_one(
    make: Make, shape: str, shadow: str
) -> None:
    """A blue product from a light backdrop onto dark green: every pixel lies between the two."""
    photo = pictures.photo(shape=shape, colour=(36, 84, 150), shadow=shadow, light="even")

    rendered, made = make(photo, on_colour("#0a2812"))

    scale = rendered.plan["placement"]["scale"]
    x, y = rendered.plan["placement"]["offset"]
    move = np.array([[scale, 0, x], [0, scale, y]], np.float32)
    truth = cv2.warpAffine(photo.product.astype(np.float32), move, (600, 600))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    rim = (cv2.dilate(truth, disc) > 0.5) & (cv2.erode(truth, disc) < 0.5)
    # The old backdrop is light in all channels, product and new backdrop are not in red.
    is_light = (made[..., 0] > 120) & rim
    assert is_light.sum() < 0.02 * rim.sum()
    outside, inside = cv2.dilate(truth, disc) < 0.5, cv2.erode(truth, disc) > 0.5
    kept = np.abs(made[outside].astype(int) - (10, 40, 18)).max(axis=1)
    assert (kept > 8).mean() < 0.004
    assert (made[inside][:, 2].astype(int) - made[inside][:, 1] > 20).mean() > 0.97


def test_a_cut_out_keeps_its_own_alpha_before_a_new_backdrop(make: Make) -> None:
    cut, alpha = cut_out_disc()

    _, made = make(cut, relit(shadow=NO_SHADOW))

    # White behind: the red channel tells nothing, the green one is the mixture in linear light.
    def light(values: np.ndarray) -> np.ndarray:
        share = values / 255
        return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)

    expected = alpha * light(np.array(30.0)) + (1 - alpha)
    assert np.abs(light(made[..., 1].astype(float)) - expected).max() < 0.02


def test_white_stays_white_and_the_product_its_colour(make: Make) -> None:
    photo = pictures.photo(shape="box", colour=pictures.COLOURS["red"], shadow="soft")

    _, made = make(photo, relit(shadow=NO_SHADOW))

    far = ~(cv2.dilate(photo.product.astype(np.uint8), np.ones((61, 61), np.uint8)) > 0)
    assert (made[far] == 255).all()
    inside = cv2.erode(photo.product.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    red, green, _ = np.median(made[inside], axis=0)
    assert red > 3 * green


@pytest.mark.parametrize("mode", ["contact", "drop"])
@pytest.mark.parametrize(("direction", "away"), [(90, -1), (270, 1), (60, -1), (315, 1)])
def test_a_shadow_lies_on_the_side_away_from_the_light(
    make: Make, mode: str, direction: float, away: int
) -> None:
    cut, _ = cut_out_disc()
    light = Light(direction, 35)

    _, lit = make(cut, relit(shadow=Shadow(mode), light=light))  # type: ignore[arg-type] # words
    _, bare = make(cut, relit(shadow=NO_SHADOW, light=light))

    shade = bare[..., 0].astype(float) - lit[..., 0]
    centre = (shade.clip(min=1) - 1).sum(axis=0) @ (np.arange(400) + 0.5)
    centre /= (shade.clip(min=1) - 1).sum()
    assert (centre - 200) * away > 2


def test_light_from_above_throws_a_drop_shadow_down(make: Make) -> None:
    cut, _ = cut_out_disc()

    _, lit = make(cut, relit(shadow=Shadow("drop"), light=Light(0, 35)))

    dark = 255 - lit[..., 0].astype(float)
    assert dark[300:320].sum() > 10 * max(1.0, dark[80:100].sum())


@pytest.mark.parametrize("mode", ["contact", "drop"])
def test_a_shadow_is_soft_and_nowhere_cut_off(make: Make, mode: str) -> None:
    cut, _ = cut_out_disc(radius=185)
    _, lit = make(cut, relit(shadow=Shadow(mode, opacity=1.0), light=Light(315, 10)))  # type: ignore[arg-type] # words

    rim = np.concatenate([lit[0], lit[-1], lit[:, 0], lit[:, -1]])
    assert rim.min() >= 250


def test_a_wider_spread_is_softer_and_no_opacity_is_no_shadow(make: Make) -> None:
    cut, _ = cut_out_disc()

    def steepest(shadow: Shadow) -> int:
        lit = make(cut, relit(shadow=shadow, light=Light(0, 20)))[1].astype(int)
        return int(np.abs(np.diff(lit[306:, 200, 0])).max(initial=0))

    assert steepest(Shadow("drop", spread=0.9)) < steepest(Shadow("drop", spread=0.1))
    assert steepest(Shadow("drop", opacity=0.0)) == 0


@pytest.mark.parametrize(("stops", "is_brighter"), [(1.0, True), (-1.0, False)])
def test_exposure_changes_the_subject_and_not_the_white(
    make: Make, stops: float, is_brighter: bool
) -> None:
    cut, _ = cut_out_disc()

    _, plain = make(cut, relit(shadow=NO_SHADOW))
    _, lit = make(cut, relit(shadow=NO_SHADOW, exposure=stops))

    assert (lit[200, 200, 1] > plain[200, 200, 1]) == is_brighter
    assert lit[0, 0].tolist() == [255, 255, 255]
    assert lit.max() <= 255
    ratio = [pixels[200, 200, 0] / pixels[200, 200, 1] for pixels in (plain, lit)]
    assert abs(ratio[1] / ratio[0] - 1) < 0.4  # hues hold: both channels move together


def test_a_gradient_is_monotone_and_has_no_bands(make: Make) -> None:
    recipe = BackgroundRecipe(
        kind="gradient", colours=("#f0f0f0", "#b0b0b0"), width_px=400, height_px=2000,
        composite=False, output_format="png",
    )  # fmt: skip

    _, made = make(pictures.encoded("JPEG"), recipe)

    rows = made[..., 0].mean(axis=1)
    assert rows[:5].mean() > 239
    assert rows[-5:].mean() < 177
    assert np.diff(rows).max() < 0.12  # grain, not a step back
    # 64 levels over 2000 rows: without grain a level would stand for 31 rows, then jump.
    assert np.abs(np.diff(rows)).max() < 0.3


@pytest.mark.parametrize(
    "recipe",
    [
        BackgroundRecipe(kind="sweep", seed=7, width_px=200, height_px=160),
        BackgroundRecipe(kind="scene", scene="podium", seed=3, width_px=200, height_px=200),
        BackgroundRecipe(kind="gradient", seed=9, width_px=160, height_px=200),
    ],
    ids=lambda recipe: recipe.kind,
)
def test_a_seed_decides_the_backdrop(make: Make, recipe: BackgroundRecipe) -> None:
    photo = pictures.photo(size=(600, 450))

    def bytes_with(seed: int) -> str:
        members = recipe.to_dict() | {"seed": seed}
        return make(photo, BackgroundRecipe.from_dict(members))[0].bytes_sha256

    assert bytes_with(recipe.seed) == bytes_with(recipe.seed)
    assert bytes_with(recipe.seed) != bytes_with(recipe.seed + 1)


def test_a_made_backdrop_is_told_as_generated_and_another_light_is_not(make: Make) -> None:
    cut, _ = cut_out_disc()

    assert make(cut, on_colour("#ffffff"))[0].generated
    assert not make(cut, relit())[0].generated


def test_a_subject_stands_on_its_podium(make: Make) -> None:
    recipe = BackgroundRecipe(
        kind="scene", scene="podium", width_px=800, height_px=800, output_format="png"
    )

    rendered, _ = make(pictures.photo(shape="bottle"), recipe)

    assert rendered.subject is not None
    _, top, _, height = rendered.subject.box
    assert abs(top + height - 0.74 * 800) < 8


def test_the_subject_is_framed_as_the_margins_say(make: Make) -> None:
    wish = on_colour("#dddddd", margins=Margins.from_dict(dict.fromkeys(
        ("top", "right", "bottom", "left"), "0.2"
    )))  # fmt: skip

    rendered, _ = make(pictures.photo(shape="box", shadow="none"), wish)

    assert rendered.subject is not None
    assert abs(rendered.subject.fill - 0.6) < 0.01


@pytest.mark.parametrize("recipe", [on_colour("#dddddd"), relit()], ids=["background", "relight"])
def test_clutter_is_refused_with_a_way_out(make: Make, recipe: AnyRecipe) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (300, 400, 3)).astype(np.uint8)

    with pytest.raises(InvalidImage) as refused:
        make(noise, recipe)

    assert refused.value.code == "subject_not_found"
    assert "transparency" in str(refused.value.fix)


@pytest.mark.parametrize(
    ("text", "kind", "colours", "ignored"),
    [
        ("a white marble table", None, ("#ffffff",), ("marble", "table")),
        ("Navy podium, gold", "scene", ("#27395f", "#d5ad4a"), ()),
        ("soft pink gradient", "gradient", ("#f0b9c8",), ()),
        ("studio", "sweep", (), ()),
        ("Ein schöner Strand", None, (), ("ein", "schöner", "strand")),
        ("", None, (), ()),
    ],
)
def test_a_prompt_is_words_that_are_known_or_told(
    text: str, kind: str | None, colours: tuple[str, ...], ignored: tuple[str, ...]
) -> None:
    prompt = read_prompt(text)

    assert (prompt.kind, prompt.colours, prompt.ignored) == (kind, colours, ignored)
    assert read_prompt(text.upper()).seed == prompt.seed


@pytest.mark.parametrize(
    ("recipe", "members", "code"),
    [
        (BackgroundRecipe, {"kind": "moon"}, "invalid_parameter"),
        (BackgroundRecipe, {"kind": "scene"}, "invalid_parameter"),
        (BackgroundRecipe, {"scene": "podium"}, "invalid_parameter"),
        (BackgroundRecipe, {"colours": ("red",)}, "invalid_parameter"),
        (BackgroundRecipe, {"colours": ("#ffffff",) * 4}, "invalid_parameter"),
        (BackgroundRecipe, {"seed": -1}, "seed_out_of_range"),
        (BackgroundRecipe, {"width_px": 10}, "width_out_of_range"),
        (RelightRecipe, {"exposure": 3.0}, "exposure_out_of_range"),
        (RelightRecipe, {"exposure": float("nan")}, "exposure_out_of_range"),
        (Shadow, {"opacity": 1.1}, "shadow.opacity_out_of_range"),
        (Shadow, {"mode": "cast"}, "invalid_parameter"),
        (Light, {"elevation": 91.0}, "light.elevation_out_of_range"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(
    recipe: type, members: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        recipe(**members)

    assert refused.value.code == code
