"""The steps one by one, where the pipeline's answer would not show which of them is wrong."""

from pathlib import Path

import numpy as np
import pytest

import pictures
from imaging import engine
from imaging.limits import Limits, inspect
from imaging.recipe import Recipe
from imaging.steps.backdrop import find_backdrop, fit
from imaging.steps.decode import decode
from imaging.steps.isolate import isolate
from imaging.work import Clock, Work


def probe_of(photo: pictures.Photo) -> np.ndarray:
    """The photo as the steps see it, small."""
    return np.ascontiguousarray(photo.pixels[::4, ::4]).astype(np.float32)


def work_on(source: Path) -> Work:
    """A picture before its first step."""
    limits = Limits()
    header = inspect(source, limits)
    return Work(source, Recipe(), source.with_suffix(".out"), limits, header, Clock(60))


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


def test_the_mask_lies_on_the_product_and_not_beside_it(tmp_path: Path) -> None:
    photo = pictures.photo(shape="box", shadow="none", noise=0, size=(320, 240))
    work = work_on(photo.save(tmp_path / "photo.png"))

    for step in (decode, find_backdrop, isolate):
        step(work)

    mask = work.silhouette.mask  # type: ignore[union-attr]
    for axis in (0, 1):
        found, true = (np.flatnonzero(m.any(axis=axis)) for m in (mask, photo.product))
        # As far beyond the product at the one end as at the other.
        assert abs((true[0] - found[0]) - (found[-1] - true[-1])) <= 1


def test_texture_behind_the_product_is_clutter() -> None:
    photo = probe_of(pictures.photo())
    photo += np.random.default_rng(1).normal(0, 30, photo.shape).astype(np.float32)

    assert fit(np.clip(photo, 0, 255)).kind == "cluttered"


def test_the_fingerprint_names_what_makes_the_pixels() -> None:
    named = engine.fingerprint()

    assert {"pyvips", "libvips", "arch"} <= set(named)
    assert all(named.values())
