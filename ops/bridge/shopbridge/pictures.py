"""What a picture's header says: its media type and size in pixels; nothing is decoded."""

import struct
from dataclasses import dataclass

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_SIZE = slice(16, 24)  # the IHDR chunk comes first (PNG specification, 5.6)
JPEG_START = b"\xff\xd8\xff"
# Start of frame, all but the tables DHT (C4), JPG (C8) and DAC (CC): ITU-T T.81, table B.1
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
JPEG_FILL = 0xFF

LONGEST_MIN_PX = 500
LONGEST_MAX_PX = 10_000
PICTURE_MAX_BYTES = 10 * 1000 * 1000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as its header describes it; width and height are 0 where the header is broken."""

    media_type: str
    width: int
    height: int


def picture_of(data: bytes) -> Picture | None:
    """Return what the bytes are; None for anything but JPEG and PNG."""
    if data.startswith(PNG_START):
        width, height = struct.unpack(">II", data[PNG_SIZE].ljust(8, b"\0"))
        return Picture("image/png", width, height)
    if data.startswith(JPEG_START):
        return Picture("image/jpeg", *_jpeg_size(data))
    return None


def issue_of(data: bytes, media_type: str) -> tuple[str, str] | None:
    """Return code and sentence of why the shop does not take a picture; None where it does."""
    if len(data) > PICTURE_MAX_BYTES:
        return "too_many_bytes", f"The picture has {len(data)} bytes; 10 MB are the most."
    picture = picture_of(data)
    if picture is None or picture.media_type != media_type:
        return "media_type_refused", "The bytes are not JPEG or PNG, or not what mediaType says."
    longest = max(picture.width, picture.height)
    if not min(picture.width, picture.height):
        return "unreadable", "The picture's header gives no size."
    if longest < LONGEST_MIN_PX:
        return "too_small", f"The longest side has {longest} pixels; at least 500 are needed."
    if longest > LONGEST_MAX_PX:
        return "too_many_pixels", f"The longest side has {longest} pixels; 10000 are the most."
    return None


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments to the frame's header; (0, 0) where there is none."""
    place = 2
    while place + 9 <= len(data) and data[place] == JPEG_FILL:
        marker = data[place + 1]
        if marker == JPEG_FILL:
            place += 1
        elif marker in JPEG_ALONE:
            place += 2
        elif marker in JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return 0, 0
