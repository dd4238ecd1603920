"""Photos and files that are none, small enough for tests of the edge."""

import struct
import zlib
from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw


@cache
def red_box(
    width_px: int = 320, height_px: int = 240, *, kind: str = "JPEG", shade: int = 235
) -> bytes:
    """A red box on a light backdrop."""
    photo = Image.new("RGB", (width_px, height_px), (shade, shade, shade))
    box = (width_px // 4, height_px // 4, 3 * width_px // 4, 3 * height_px // 4)
    ImageDraw.Draw(photo).rectangle(box, fill=(180, 30, 40))
    file = BytesIO()
    photo.save(file, kind, quality=95)
    return file.getvalue()


def png_header(width_px: int, height_px: int) -> bytes:
    """A PNG of 69 bytes that claims to be this large."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><rect/></svg>'
