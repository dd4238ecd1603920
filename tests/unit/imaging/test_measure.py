"""The measured facts of pictures whose facts are known."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import pictures
from domain.errors import InvalidImage
from imaging.facts import Facts
from imaging.limits import Limits
from imaging.measure import measure

Measured = Callable[..., Facts]


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    """Measure pixels, written as a file of a format."""

    def of(pixels: np.ndarray | Image.Image, image_format: str = "PNG", **options: object) -> Facts:
        image = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
        image.save(tmp_path / "picture", image_format, **options)
        return measure(tmp_path / "picture", Limits())

    return of


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_the_file_is_told_as_it_is(image_format: str, measured: Measured, tmp_path: Path) -> None:
    facts = measured(pictures.flat(size=(640, 480)), image_format)

    assert (facts.format, facts.width_px, facts.height_px) == (image_format.lower(), 640, 480)
    assert facts.size_bytes == (tmp_path / "picture").stat().st_size
    assert (facts.pages, facts.bit_depth, facts.colour_space) == (1, 8, "rgb")
    assert (facts.longest_side_px, facts.shortest_side_px) == (640, 480)
    assert facts.megapixels == pytest.approx(0.3072)
    assert facts.aspect == pytest.approx(4 / 3)


@pytest.mark.parametrize("fill", [0.3, 0.5, 0.76, 0.84, 0.86, 0.9])
def test_the_three_fills_are_those_of_the_box(fill: float, measured: Measured) -> None:
    facts = measured(pictures.flat(fill=fill))

    assert facts.fill_longest == pytest.approx(fill, abs=0.004)
    assert facts.fill_box == pytest.approx(fill * fill / 2, abs=0.01)
    assert facts.fill_outline == pytest.approx(fill * fill / 2, abs=0.025)
    assert facts.subject_box == pytest.approx(
        (500 - fill * 250, 500 - fill * 500, fill * 500, fill * 1000), abs=4
    )
    assert facts.touches_edge is False


def test_a_subject_that_the_frame_cuts_touches_the_edge(measured: Measured) -> None:
    photo = pictures.photo(centre=(0.5, 0.85), shadow="none")

    assert measured(photo.pixels).touches_edge is True


@pytest.mark.parametrize(
    ("level", "pure", "light"),
    [(255, 1.0, 1.0), (254, 0.0, 1.0), (250, 0.0, 1.0), (249, 0.0, 0.0), (200, 0.0, 0.0)],
)
@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_one_level_below_white_is_not_white(
    level: int, pure: float, light: float, image_format: str, measured: Measured
) -> None:
    facts = measured(pictures.flat(backdrop=level), image_format, quality=95)

    # The blocks of a JPEG ring around the subject.
    assert facts.background_pure_share == pytest.approx(pure, abs=0.0002)
    assert facts.background_light_share == pytest.approx(light, abs=0.0002)
    assert (facts.border_pure_share, facts.border_light_share) == (pure, light)


def test_one_channel_below_white_is_not_white(measured: Measured) -> None:
    pixels = pictures.flat()
    pixels[:, :40, 1] = 254

    facts = measured(pixels)

    assert facts.background_pure_share == pytest.approx(1 - 40 / 1000 / (1 - 0.37 - 0.01), abs=0.01)


def test_a_shadow_is_background_that_is_not_white(measured: Measured) -> None:
    photo = pictures.photo(shadow="contact", backdrop=(255, 255, 255), noise=0)

    facts = measured(photo.pixels)

    assert pictures.overlap(facts.subject_box or (), photo.box) > 0.9
    assert 0.8 < (facts.background_pure_share or 0) < 0.99


def test_a_transparent_background_is_not_white(measured: Measured) -> None:
    pixels = pictures.flat()
    alpha = np.where((pixels == 255).all(axis=2), 0, 255).astype(np.uint8)

    facts = measured(np.dstack([pixels, alpha]))

    assert facts.background_kind == "transparent"
    assert facts.background_pure_share == 0.0
    assert facts.transparent_share == pytest.approx(1 - 0.86 * 0.43, abs=0.01)


def test_clutter_has_no_subject_and_its_border_is_its_background(measured: Measured) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)

    facts = measured(np.kron(noise, np.ones((20, 20, 1), np.uint8)))

    assert facts.background_kind == "cluttered"
    assert facts.subject_box is None
    assert facts.fill_longest is None
    assert facts.background_pure_share == facts.border_pure_share == 0.0


@pytest.mark.parametrize(
    ("mode", "space"),
    [("RGB", "rgb"), ("RGBA", "rgb"), ("L", "grey"), ("LA", "grey"), ("P", "rgb")],
)
def test_the_colour_space_is_that_of_the_file(mode: str, space: str, measured: Measured) -> None:
    assert measured(Image.fromarray(pictures.flat()).convert(mode)).colour_space == space


def test_a_cmyk_jpeg_is_cmyk(measured: Measured) -> None:
    image = Image.fromarray(pictures.flat()).convert("CMYK")

    assert measured(image, "JPEG").colour_space == "cmyk"


def test_sixteen_bits_are_sixteen(measured: Measured) -> None:
    grey = np.asarray(Image.fromarray(pictures.flat()).convert("L")).astype(np.uint16) * 257

    assert measured(Image.fromarray(grey)).bit_depth == 16


def test_a_profile_is_srgb_or_another_or_none(measured: Measured) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    profiles = [None, srgb, lab]

    found = [measured(pictures.flat(), "JPEG", icc_profile=p).colour_profile for p in profiles]

    assert found == ["none", "srgb", "other"]


@pytest.mark.parametrize("quality", [60, 75, 89, 90, 92, 95])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality: int, measured: Measured) -> None:
    found = measured(pictures.flat(), "JPEG", quality=quality).jpeg_quality

    assert found == pytest.approx(quality, abs=1)


def test_the_quality_of_anything_else_is_unknown(measured: Measured) -> None:
    assert measured(pictures.flat()).jpeg_quality is None


def test_an_animation_has_pages(measured: Measured) -> None:
    frames = [Image.fromarray(pictures.flat(fill=fill)) for fill in (0.5, 0.6, 0.7)]

    assert measured(frames[0], "WEBP", save_all=True, append_images=frames[1:]).pages == 3


def test_a_turned_picture_is_measured_upright(measured: Measured) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    facts = measured(pictures.flat(size=(400, 600)), "JPEG", exif=exif)

    assert (facts.width_px, facts.height_px) == (600, 400)


def test_a_blurred_picture_is_less_sharp(measured: Measured) -> None:
    photo = Image.fromarray(pictures.photo(shadow="none").pixels)

    sharp = measured(photo).sharpness
    blurred = measured(photo.resize((120, 90)).resize((1200, 900))).sharpness

    assert blurred < sharp / 2


def test_a_large_picture_is_measured_shrunk_with_the_same_answer(measured: Measured) -> None:
    facts = measured(pictures.flat(size=(4400, 4400)), "JPEG", quality=95)

    assert facts.width_px == 4400
    assert facts.fill_longest == pytest.approx(0.86, abs=0.004)
    assert facts.background_pure_share == 1.0


def test_facts_survive_json(measured: Measured) -> None:
    facts = measured(pictures.flat())

    assert json.loads(json.dumps(facts.to_dict())) == facts.to_dict()


def test_what_is_no_picture_has_no_facts(tmp_path: Path) -> None:
    for content in (*pictures.not_pictures().values(), pictures.truncated("JPEG")):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(InvalidImage):
            measure(tmp_path / "file", Limits())


def test_a_picture_of_one_pixel_has_facts(measured: Measured) -> None:
    assert measured(Image.new("RGB", (1, 1), (9, 9, 9))).subject_box is None


def test_an_empty_white_picture_is_all_background(measured: Measured) -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), (255, 255, 255)).save(file, "PNG")

    facts = measured(Image.open(file))

    assert facts.subject_box is None
    assert facts.background_pure_share == 1.0
