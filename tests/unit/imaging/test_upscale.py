"""Upscaling: larger, with every edge where it was and no ring around it."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domain.errors import InvalidImage, InvalidInput
from imaging.limits import Limits
from imaging.rendered import Rendered
from imaging.rendering import render
from imaging.upscale_recipe import UpscaleRecipe

Upscaled = Callable[..., tuple[Rendered, np.ndarray]]


@pytest.fixture
def upscaled(tmp_path: Path) -> Upscaled:
    """Enlarge pixels with a recipe; answers what was rendered and its pixels."""

    def make(pixels: np.ndarray, **wishes: object) -> tuple[Rendered, np.ndarray]:
        source, out = tmp_path / "source", tmp_path / "out"
        Image.fromarray(pixels).save(source, "PNG", compress_level=1)
        wishes.setdefault("output_format", "png")
        if not any(name.startswith("target") for name in wishes):
            wishes.setdefault("factor", 2.0)
        recipe = UpscaleRecipe(**wishes)  # type: ignore[arg-type] # a test states its own fields
        rendered = render(source, recipe, destination=out, limits=Limits())
        return rendered, np.asarray(Image.open(io.BytesIO(out.read_bytes())))

    return make


def disc(side: int, *, centre: tuple[float, float], radius: float) -> np.ndarray:
    """A dark disc with a smooth outline on a light ground."""
    y, x = np.mgrid[:side, :side] + 0.5
    cover = np.clip(radius - np.hypot(x - centre[0], y - centre[1]) + 0.5, 0, 1)
    level = 230 - 190 * cover
    return np.repeat(level[..., None], 3, axis=2).round().astype(np.uint8)


def centre_of(pixels: np.ndarray) -> tuple[float, float]:
    """The centre of what is dark, in pixels."""
    dark = 230 - pixels[..., 0].astype(float).clip(max=230)
    y, x = np.mgrid[: dark.shape[0], : dark.shape[1]] + 0.5
    return float((dark * x).sum() / dark.sum()), float((dark * y).sum() / dark.sum())


@pytest.mark.parametrize("mode", ["photo", "text", "pixel"])
@pytest.mark.parametrize("factor", [1.5, 2.0, 3.3, 4.0])
def test_what_is_enlarged_stays_where_it_was(upscaled: Upscaled, mode: str, factor: float) -> None:
    _, large = upscaled(disc(120, centre=(47.3, 71.8), radius=30), factor=factor, mode=mode)

    x, y = centre_of(large)
    across, down = large.shape[1] / 120, large.shape[0] / 120
    assert abs(x - 47.3 * across) < 0.25
    assert abs(y - 71.8 * down) < 0.25


@pytest.mark.parametrize("mode", ["photo", "text"])
def test_an_edge_is_steeper_than_before_and_rings_at_most_three_levels(
    upscaled: Upscaled, mode: str
) -> None:
    source = disc(120, centre=(60, 60), radius=30)
    _, large = upscaled(source, factor=4.0, mode=mode)

    assert large.max() <= source.max() + 4
    assert large.min() >= source.min() - 4
    plain = np.asarray(Image.fromarray(source).resize((480, 480), Image.Resampling.BICUBIC))
    steepest = [np.abs(np.diff(p[240, :, 0].astype(int))).max() for p in (plain, large)]
    assert steepest[1] > steepest[0]


def test_noise_between_edges_is_not_sharpened(upscaled: Upscaled) -> None:
    noise = np.random.default_rng(3).normal(128, 1.2, (128, 128, 1))
    grain = np.repeat(noise, 3, axis=2).round().clip(0, 255).astype(np.uint8)

    _, large = upscaled(grain, factor=2.0, mode="photo")

    plain = np.asarray(Image.fromarray(grain).resize((256, 256), Image.Resampling.LANCZOS))
    assert large.std() < plain.std() * 1.1


def test_a_band_joins_the_next_without_a_seam(
    upscaled: Upscaled, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    texture = rng.integers(0, 255, (90, 70, 3)).astype(np.uint8)
    whole = upscaled(texture, factor=3.0, mode="photo")[1]

    monkeypatch.setattr("imaging.steps.enlarge._BAND_PIXELS", 16 * 210)
    banded = upscaled(texture, factor=3.0, mode="photo")[1]

    # Pillow rounds a part's weights apart from the whole's: of pure noise, two levels.
    assert np.abs(whole.astype(int) - banded).max() <= 2


def test_pixel_art_becomes_squares_of_its_own_colours(upscaled: Upscaled) -> None:
    sprite = np.zeros((16, 16, 3), np.uint8)
    sprite[4:12, 6:10] = (200, 40, 40)
    sprite[::5, ::3] = (20, 90, 220)

    rendered, large = upscaled(sprite, factor=4.0)

    assert rendered.plan["upscale"]["mode"] == "pixel"
    assert np.array_equal(large, sprite.repeat(4, axis=0).repeat(4, axis=1))


def test_text_is_told_from_a_photo(upscaled: Upscaled) -> None:
    page = np.full((600, 600, 3), 255, np.uint8)
    for row in range(20, 580, 20):
        page[row : row + 3, 30:560:7] = 20
        page[row + 4, 30:560:9] = 120
    gradient = np.repeat(np.linspace(0, 255, 600)[None, :, None], 600, axis=0).repeat(3, axis=2)

    assert upscaled(page)[0].plan["upscale"]["mode"] == "text"
    assert upscaled(gradient.astype(np.uint8))[0].plan["upscale"]["mode"] == "photo"


def test_transparency_stays_and_leaves_no_white_rim(upscaled: Upscaled) -> None:
    cover = 255 - disc(100, centre=(50, 50), radius=30)[..., 0]
    cover = np.clip((cover.astype(int) - 25) * 255 // 190, 0, 255).astype(np.uint8)
    cut = np.dstack([np.full((100, 100), 180), np.full((100, 100), 30), np.zeros((100, 100))])
    cut = np.dstack([cut, cover]).astype(np.uint8)

    rendered, large = upscaled(cut, factor=2.0)

    assert large.shape == (200, 200, 4)
    assert np.abs(large[large[..., 3] > 60][:, :3].astype(int) - (180, 30, 0)).max() <= 6
    assert (large[0, 0, 3], large[100, 100, 3]) == (0, 255)
    assert rendered.subject is None


def test_transparency_is_laid_over_white_for_a_jpeg(upscaled: Upscaled) -> None:
    clear = np.zeros((40, 40, 4), np.uint8)

    _, large = upscaled(clear, factor=2.0, output_format="jpeg")

    assert large.shape == (80, 80, 3)
    assert large.min() == 255


@pytest.mark.parametrize(
    ("wish", "size"),
    [
        ({"target_width_px": 300}, (300, 200)),
        ({"target_height_px": 300}, (450, 300)),
        ({"target_width_px": 300, "target_height_px": 300}, (300, 200)),
        ({"factor": 1.5}, (225, 150)),
    ],
)
def test_target_sides_are_a_frame_that_the_picture_fits_in(
    upscaled: Upscaled, wish: dict[str, int], size: tuple[int, int]
) -> None:
    rendered, large = upscaled(disc(150, centre=(75, 75), radius=30)[:100], **wish)

    assert (rendered.width_px, rendered.height_px) == size == large.shape[1::-1]


@pytest.mark.parametrize(("target", "allowed"), [(90, (151, 600)), (601, (151, 600))])
def test_a_target_that_is_no_enlargement_names_the_range(
    upscaled: Upscaled, target: int, allowed: tuple[int, int]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        upscaled(disc(150, centre=(75, 75), radius=30), target_width_px=target)

    assert refused.value.code == "targetWidth_out_of_range"
    assert refused.value.allowed == {"min": allowed[0], "max": allowed[1]}


def test_a_result_of_too_many_pixels_a_side_is_refused_with_a_factor_that_works(
    upscaled: Upscaled,
) -> None:
    with pytest.raises(InvalidImage) as refused:
        upscaled(np.zeros((20, 4000, 3), np.uint8), factor=4.0)

    assert refused.value.code == "too_many_pixels"
    assert refused.value.fix == "Send factor=2.5."


def test_a_result_of_too_few_pixels_a_side_is_refused(upscaled: Upscaled) -> None:
    with pytest.raises(InvalidInput) as refused:
        upscaled(np.zeros((7, 40, 3), np.uint8), factor=2.0)

    assert refused.value.code == "factor_out_of_range"


def test_the_same_picture_twice_gives_the_same_bytes(upscaled: Upscaled) -> None:
    source = disc(120, centre=(47.3, 71.8), radius=30)

    first, second = (upscaled(source, factor=2.5, output_format="webp")[0] for _ in range(2))

    assert first.bytes_sha256 == second.bytes_sha256
