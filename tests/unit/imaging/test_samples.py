"""The drawn products: what a visitor sees first, and what the demo shop is judged by."""

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imaging.samples.photos import QUALITY, SamplePhoto, sample_photos
from imaging.samples.shop import Listing, listings
from imaging.samples.stage import Drawn
from pictures import overlap

COMMITTED = Path(__file__).parents[3] / "platform" / "packshot" / "admin" / "static" / "samples"
PHOTOS = tuple(sample_photos())
LISTINGS = tuple(listings())
FAULTS = {
    "BAG-TOTE-NAT": "coloured_backdrop",
    "BOTTLE-AMBER-300": "too_small",
    "CANDLE-CEDAR-220": "tinted_backdrop",
    "LAMP-LINEN-BRASS": "small_in_frame",
    "MUG-SAGE-350": "grey_backdrop",
    "TIN-ASSAM-100": "border",
    "WATCH-LEATHER-40": "cluttered_backdrop",
}


@cache
def shown(listing: Listing) -> tuple[Drawn, Drawn]:
    return listing.drawn()


def decoded(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(int)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.name)
def test_a_committed_photo_is_what_its_formulas_draw(photo: SamplePhoto):
    committed = (COMMITTED / f"{photo.name}.jpg").read_bytes()

    drawn = photo.drawn().jpeg(QUALITY)

    assert len(committed) <= 300_000
    assert np.abs(decoded(committed) - decoded(drawn)).max() <= 2


def test_no_other_photo_is_committed():
    assert {file.name for file in COMMITTED.iterdir()} == {f"{one.name}.jpg" for one in PHOTOS}


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.name)
def test_the_product_of_a_photo_is_found_and_its_backdrop_becomes_white(photo: SamplePhoto, made):
    rendered, out = made((COMMITTED / f"{photo.name}.jpg").read_bytes())

    assert overlap(rendered.subject.source_box, photo.drawn().box) >= 0.95
    pixels = np.asarray(Image.open(out))
    edge = np.ones(pixels.shape[:2], bool)
    edge[10:-10, 10:-10] = False
    assert (pixels[edge] == 255).all()
    assert (pixels.min(axis=2) == 255).mean() > 0.3


def test_a_photo_keeps_a_natural_shadow_under_its_product(made):
    _, out = made((COMMITTED / "mug.jpg").read_bytes())

    levels = np.asarray(Image.open(out)).min(axis=2)
    bottom = levels[-int(0.08 * 500) :]

    assert 100 < bottom.min() < 245


def test_gradients_of_a_photo_show_no_bands():
    """Steps of a level across the backdrop are hidden by grain, so no long run is flat."""
    strip = decoded((COMMITTED / "bottle.jpg").read_bytes())[40, :, 1]
    runs = np.diff(np.flatnonzero(np.diff(strip) != 0))

    assert runs.max() < 60


def test_seven_of_twelve_listings_have_a_fault_each_of_its_own():
    assert {one.sku: one.fault for one in LISTINGS if one.fault} == FAULTS
    assert len(LISTINGS) == len({one.sku for one in LISTINGS}) == 12
    assert [one.sku for one in LISTINGS] == sorted(one.sku for one in LISTINGS)


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.sku)
def test_a_main_image_breaks_the_rule_that_it_names_and_no_other(listing: Listing):
    """Amazon's main image: pure white around, 500 pixels at least, 85 % filled."""
    main, near = shown(listing)
    pixels = decoded(main.jpeg(88))
    side = pixels.shape[0]
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    around = np.ones((side, side), bool)
    left, top, width, height = (round(value) for value in main.box)
    around[top - 12 : top + height + 12, left - 12 : left + width + 12] = False
    white = (pixels[around] == 255).mean() > 0.999
    spread = rim.max(axis=1) - rim.min(axis=1)

    faults = {
        "too_small": side < 500,
        "small_in_frame": max(main.box[2:]) < 0.85 * side,
        "border": not white and rim.max() < 90,
        "grey_backdrop": not white and np.median(rim) > 150 and np.percentile(spread, 95) < 10,
        "tinted_backdrop": not white and 10 <= np.median(spread) < 40 and np.median(rim) > 200,
        "coloured_backdrop": not white and np.median(spread) >= 60 and rim.std(axis=0).max() < 12,
        "cluttered_backdrop": not white and rim.max() >= 90 and rim.std(axis=0).max() > 25,
    }

    assert [name for name, is_so in faults.items() if is_so] == (
        [listing.fault] if listing.fault else []
    )
    assert white == (listing.fault in {None, "too_small", "small_in_frame"})
    assert min(near.pixels.shape[:2]) >= 500


def test_a_listing_is_drawn_the_same_each_time():
    listing = LISTINGS[-1]

    assert (listing.drawn()[0].pixels == shown(listing)[0].pixels).all()
