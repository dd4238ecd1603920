"""The gate refuses from the header what is no picture, is broken, or costs too much."""

import io
from pathlib import Path

import pytest
from PIL import Image

import pictures
from domain.errors import InvalidImage
from imaging.limits import Limits, inspect

USUAL = Limits()
SMALL = Limits(file_bytes=1024 * 1024, pixels=1_000_000, side_px=5000)


def code_of(data: bytes, folder: Path, limits: Limits = USUAL) -> str:
    """The code of the refusal of a file."""
    return refusal_of(data, folder, limits).code


def refusal_of(data: bytes, folder: Path, limits: Limits = USUAL) -> InvalidImage:
    path = folder / "file"
    path.write_bytes(data)
    with pytest.raises(InvalidImage) as refused:
        inspect(path, limits)
    return refused.value


@pytest.mark.parametrize("name", pictures.not_pictures())
def test_what_is_no_accepted_picture_is_called_by_its_name(name: str, tmp_path: Path) -> None:
    refusal = refusal_of(pictures.not_pictures()[name], tmp_path)

    assert refusal.code == "unsupported_image_format"
    assert name in refusal.detail
    assert refusal.allowed == {"formats": ["jpeg", "png", "webp"]}


@pytest.mark.parametrize(
    ("data", "is_name"),
    [
        (b"photo.jpg", True), (b"./my photos/photo 1.JPEG\n", True),
        (b"hello, I am a photo", False), (b"A first line.\nphoto.jpg", False),
        (b"a" * 300 + b".jpg", False), (b'{"a":"b.jpg"}', False),
    ],
)  # fmt: skip
def test_a_file_that_is_a_file_name_is_asked_for_its_forgotten_at(
    data: bytes, is_name: bool, tmp_path: Path
) -> None:
    fix = refusal_of(data, tmp_path).fix or ""

    assert ("Did you forget the @ of -F image=@FILE?" in fix) == is_name


@pytest.mark.parametrize("sides", [(65535, 65535), (2**31 - 1, 5), (40_000, 1)])
def test_a_png_is_judged_by_what_it_claims(sides: tuple[int, int], tmp_path: Path) -> None:
    assert code_of(pictures.png_that_claims(*sides), tmp_path) == "too_many_pixels"


def test_a_whole_png_of_900_megapixels_is_refused(tmp_path: Path) -> None:
    assert code_of(pictures.bomb_png(), tmp_path) == "too_many_pixels"


def test_a_turned_picture_is_measured_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)

    header = inspect(tmp_path / "turned.jpg", Limits())

    assert (header.width_px, header.height_px, header.orientation) == (20, 30, 6)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("lost", [1, 2, 40])
def test_a_file_that_lost_its_last_bytes_is_malformed(
    image_format: str, lost: int, tmp_path: Path
) -> None:
    assert code_of(pictures.encoded(image_format)[:-lost], tmp_path) == "malformed_image"


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0" + b"A" * 1000])
def test_a_file_without_a_readable_header_is_malformed(data: bytes, tmp_path: Path) -> None:
    assert code_of(data, tmp_path) == "malformed_image"


def test_a_picture_with_an_archive_behind_it_passes(tmp_path: Path) -> None:
    (tmp_path / "polyglot").write_bytes(pictures.polyglot())

    assert inspect(tmp_path / "polyglot", Limits()).format == "jpeg"


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    assert code_of(b"\xff" * (1024 * 1024 + 1), tmp_path, SMALL) == "file_too_large"


def test_a_progressive_jpeg_is_predicted_to_take_more_memory(tmp_path: Path) -> None:
    for name, progressive in (("baseline", False), ("progressive", True)):
        Image.new("RGB", (3000, 2000)).save(tmp_path / f"{name}.jpg", progressive=progressive)
    baseline = inspect(tmp_path / "baseline.jpg", Limits()).memory_bytes

    refusal = refusal_of(
        (tmp_path / "progressive.jpg").read_bytes(), tmp_path, Limits(memory_bytes=baseline)
    )

    assert refusal.code == "too_much_memory"


@pytest.mark.parametrize("image_format", ["WEBP", "PNG"])
def test_the_frames_of_an_animation_are_counted(image_format: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    file = io.BytesIO()
    frames[0].save(file, image_format, save_all=True, append_images=frames[1:])
    (tmp_path / "moving").write_bytes(file.getvalue())

    assert inspect(tmp_path / "moving", Limits()).pages == len(frames)
