"""Whether a picture file has far more parts than any encoder writes, found without decoding.

Every scan of a progressive JPEG passes over all its coefficients, and every chunk of a PNG is kept
in a growing list: 0.8 MB of empty scans over 81 megapixels, and 50 MB of empty text chunks, each
kept a decoder busy for more than 30 s.
"""

import mmap
import re
from pathlib import Path

from imaging.formats import ImageFormat

# Encoders write 10 to 20 scans; 100 over 81 megapixels take 1.2 s.
MOST_SCANS = 100
# 255 hold the largest colour profile that a JPEG can carry, and a few dozen the rest.
MOST_SEGMENTS = 10_000
# libpng cuts pixels into chunks of 8 KiB by default: 6,400 in the largest file accepted.
MOST_CHUNKS = 100_000

_START_OF_SCAN = b"\xff\xda"
_END_OF_IMAGE = 0xD9
# ITU-T T.81, B.1.1.2 and B.1.1.5: in a scan FF is followed by 00, a restart D0 to D7 or a fill FF.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def excess(path: Path, image_format: ImageFormat) -> str | None:
    """Say what a file has too many of, as the end of a sentence; None means that it does not."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if image_format == "jpeg":
            return _excess_of_jpeg(data)
        if image_format == "png" and _has_too_many_chunks(data):
            return f"more than {MOST_CHUNKS} chunks"
    return None


def _excess_of_jpeg(data: mmap.mmap) -> str | None:
    at, scans = 2, 0
    for _ in range(MOST_SEGMENTS):
        marker = _MARKER.search(data, at)
        if marker is None or data[marker.end() - 1] == _END_OF_IMAGE:
            return None
        scans += marker[0] == _START_OF_SCAN
        if scans > MOST_SCANS:
            return f"more than {MOST_SCANS} scans"
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return f"more than {MOST_SEGMENTS} segments"


def _has_too_many_chunks(data: mmap.mmap) -> bool:
    at = 8
    for _ in range(MOST_CHUNKS):
        if at + 12 > len(data) or data[at + 4 : at + 8] == b"IEND":
            return False
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return True
