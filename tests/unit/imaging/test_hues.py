"""A product's colours keep their hue, whatever tint the backdrop has that becomes white."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import pictures
from hues import hue_turns, placed
from imaging.rendered import Rendered

Render = Callable[..., tuple[Rendered, Path]]

PRODUCTS = {
    name: pictures.COLOURS[name] for name in ("red", "blue", "green", "yellow", "brown")
} | {"pink": (240, 150, 180), "orange": (230, 120, 40), "purple": (130, 70, 160)}
# As far as a backdrop may be tinted and still become white; and one that is merely dark.
BACKDROPS = {
    "warm": (235, 226, 216),
    "cool": (222, 229, 238),
    "greenish": (232, 240, 224),
    "darker and cool": (190, 198, 205),
    "dark": (178, 178, 178),
}


def pixels_of(path: Path) -> np.ndarray:
    """The decoded picture, (height, width, 3)."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("backdrop", BACKDROPS)
@pytest.mark.parametrize("colour", PRODUCTS)
def test_a_product_keeps_its_hue_on_a_tinted_backdrop(
    colour: str, backdrop: str, made: Render, tmp_path: Path
) -> None:
    photo = pictures.photo(
        shape="shoe",
        colour=PRODUCTS[colour],
        backdrop=BACKDROPS[backdrop],
        light="side",
        noise=1,
        size=(600, 450),
    )

    rendered, out = made(photo.save(tmp_path / "photo.png"), width_px=300, height_px=300)

    assert "white" in rendered.plan
    place = rendered.plan["placement"]
    product = cv2.erode(photo.product.astype(np.float32), np.ones((5, 5)))
    inside = placed(product, place, (300, 300)) == 1
    turns = hue_turns(placed(photo.pixels, place, (300, 300)), pixels_of(out), inside)
    assert np.median(turns) < 1.5
    assert np.percentile(turns, 95) < 4


def test_a_white_product_is_balanced_by_its_backdrop(made: Render, tmp_path: Path) -> None:
    photo = pictures.photo(colour=(232, 223, 213), backdrop=(205, 197, 188), shadow="none")

    rendered, out = made(photo.save(tmp_path / "photo.png"))

    left, top, width, height = (round(side) for side in rendered.subject.box)  # type: ignore[union-attr]
    middle = pixels_of(out)[top + height // 3 : top + height // 2, left + width // 3 :][:, :60]
    red, green, blue = middle.mean(axis=(0, 1))
    assert max(red, green, blue) - min(red, green, blue) < 5
