"""The steps one by one, where the pipeline's answer would not show which of them is wrong."""

import numpy as np
import pytest

import pictures
from imaging import engine
from imaging.steps.backdrop import fit


def probe_of(photo: pictures.Photo) -> np.ndarray:
    """The photo as the steps see it, small."""
    return np.ascontiguousarray(photo.pixels[::4, ::4]).astype(np.float32)


@pytest.mark.parametrize("light", pictures.LIGHTS)
def test_the_surface_is_the_light_behind_the_product(light: str) -> None:
    photo = pictures.photo(light=light, shadow="none", noise=1.0)
    empty = pictures.photo(light=light, shadow="none", noise=0, centre=(-2, -2))

    found = fit(probe_of(photo))

    behind = photo.product[::4, ::4]
    assert np.abs(found.surface - probe_of(empty))[behind].max() < 4


@pytest.mark.parametrize(
    ("backdrop", "kind"),
    [
        ((232, 233, 234), "white"),
        ((165, 165, 165), "white"),
        ((120, 120, 120), "dark"),
        ((235, 235, 190), "coloured"),
    ],
)
def test_only_a_light_and_neutral_backdrop_may_become_white(
    backdrop: tuple[int, int, int], kind: str
) -> None:
    assert fit(probe_of(pictures.photo(backdrop=backdrop))).kind == kind


def test_texture_behind_the_product_is_clutter() -> None:
    photo = probe_of(pictures.photo())
    photo += np.random.default_rng(1).normal(0, 30, photo.shape).astype(np.float32)

    assert fit(np.clip(photo, 0, 255)).kind == "cluttered"


def test_the_fingerprint_names_what_makes_the_pixels() -> None:
    named = engine.fingerprint()

    assert {"pyvips", "libvips", "arch"} <= set(named)
    assert all(named.values())
