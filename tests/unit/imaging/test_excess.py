"""A file with more parts than any encoder writes is refused before a decoder sees it."""

import struct
import zlib
from pathlib import Path

import pytest

import pictures
from domain.errors import InvalidImage
from imaging.excess import MOST_CHUNKS, MOST_SCANS, MOST_SEGMENTS
from imaging.limits import Header, Limits, inspect

END_OF_IMAGE = b"\xff\xd9"
START_OF_SCAN = b"\xff\xda"


def inspected(data: bytes, folder: Path) -> Header:
    path = folder / "file"
    path.write_bytes(data)
    return inspect(path, Limits())


def jpeg_with(*, before: bytes = b"", again: int = 0, between: bytes = b"") -> bytes:
    """A progressive JPEG with something behind its first marker, and its last scan repeated."""
    photo = pictures.encoded("JPEG", progressive=True)
    last = photo[photo.rindex(START_OF_SCAN) : -2]
    return photo[:2] + before + photo[2:-2] + (between + last) * again + END_OF_IMAGE


def png_with_chunks(count: int) -> bytes:
    chunk = struct.pack(">I", 0) + b"tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))
    photo = pictures.encoded("PNG")
    return photo[:33] + chunk * count + photo[33:]


COMMENT = b"\xff\xfe\x00\x02"
FALSE_END = b"\xff\xfe\x00\x04" + END_OF_IMAGE


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        pytest.param(jpeg_with(again=MOST_SCANS), "scans", id="scans"),
        pytest.param(jpeg_with(again=MOST_SCANS, between=FALSE_END), "scans", id="hidden scans"),
        pytest.param(jpeg_with(before=COMMENT * MOST_SEGMENTS), "segments", id="segments"),
        pytest.param(png_with_chunks(MOST_CHUNKS), "chunks", id="chunks"),
    ],
)
def test_too_many_parts_are_refused(data: bytes, parts: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match=f"more than .* {parts}") as refused:
        inspected(data, tmp_path)

    assert refused.value.code == "malformed_image"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(jpeg_with(), id="a progressive JPEG"),
        pytest.param(jpeg_with(again=50), id="half a hundred scans"),
        pytest.param(jpeg_with(before=b"\xff" * 1_000_000), id="fill bytes"),
        pytest.param(jpeg_with() + START_OF_SCAN * 1_000, id="a trailer of a JPEG"),
        pytest.param(png_with_chunks(1_000), id="a thousand chunks"),
        pytest.param(png_with_chunks(0) + bytes(12 * MOST_CHUNKS), id="a trailer of a PNG"),
    ],
)
def test_what_encoders_and_cameras_write_passes(data: bytes, tmp_path: Path) -> None:
    header = inspected(data, tmp_path)

    assert header.width_px > 0
    assert header.height_px > 0
