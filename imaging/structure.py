"""Whether a picture file is whole, by walking its structure without decoding a pixel.

The decoders notice missing pixels, but not a file that lost only its last bytes; a sender whose
upload broke wants to know. Bytes after the end of the picture (a camera's trailer, an archive
glued on) are no fault.
"""

import mmap
import re
import struct
from pathlib import Path

from imaging.formats import ImageFormat

_JPEG_START_OF_SCAN = 0xDA
_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_NOT_A_FILL_BYTE = re.compile(rb"[^\xff]")


def missing_part(path: Path, image_format: ImageFormat) -> str | None:
    """Say what a broken file lacks, as the end of a sentence; None means that it is whole."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        match image_format:
            case "jpeg":
                return _missing_in_jpeg(data)
            case "png":
                return _missing_in_png(data)
            case "webp":
                return _missing_in_webp(data)


def _missing_in_jpeg(data: mmap.mmap) -> str | None:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:  # noqa: PLR2004 - the byte that opens every marker
            return "a marker where one must stand"
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte, and there may be millions
            filled = _NOT_A_FILL_BYTE.search(data, at)
            at = filled.start() - 1 if filled is not None else len(data)
            continue
        if marker in _JPEG_WITHOUT_LENGTH:
            at += 2
            continue
        if marker == _JPEG_START_OF_SCAN:
            # Inside a scan FF is followed by 00 or a restart, so FFD9 can only be the real end.
            # Searched from behind: it is the last two bytes of nearly every file.
            return None if data.rfind(b"\xff\xd9", at) > 0 else "its end"
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return "its pixels"


def _missing_in_png(data: mmap.mmap) -> str | None:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        at += 12 + length
        if kind == b"IEND":
            return None if at <= len(data) else "its end"
    return "its end"


def _missing_in_webp(data: mmap.mmap) -> str | None:
    return None if len(data) >= 8 + int.from_bytes(data[4:8], "little") else "its end"


def png_sides(path: Path) -> tuple[int, int]:
    """The width and height that a PNG's first chunk claims, each 0 to 2^32 - 1."""
    with path.open("rb") as file:
        head = file.read(24)
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def png_frames(path: Path) -> int:
    """The number of frames that a PNG's header announces (APNG); 1 for a still picture."""
    with path.open("rb") as file:
        head = file.read(64 * 1024)
    at = 8
    while at + 12 <= len(head):
        length, kind = struct.unpack(">I4s", head[at : at + 8])
        if kind == b"IDAT":
            break
        if kind == b"acTL":
            return max(1, int.from_bytes(head[at + 8 : at + 12], "big"))
        at += 12 + length
    return 1
