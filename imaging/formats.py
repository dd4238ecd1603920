"""What a file is, by its first bytes: the three formats that are accepted, and names for the rest.

The name and the content type of an upload are never asked; both are written by its sender.
"""

import re
from typing import Literal

from domain.errors import InvalidImage

ImageFormat = Literal["jpeg", "png", "webp"]
ACCEPTED: tuple[ImageFormat, ...] = ("jpeg", "png", "webp")

# Enough for the longest signature below, and for an SVG behind a declaration and a comment.
HEAD_BYTES = 4096

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "a PDF document"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"II*\0", "a TIFF or camera raw picture"),
    (b"MM\0*", "a TIFF or camera raw picture"),
    (b"II+\0", "a BigTIFF picture"),
    (b"MM\0+", "a BigTIFF picture"),
    (b"BM", "a BMP picture"),
    (b"\0\0\1\0", "a Windows icon"),
    (b"8BPS", "a Photoshop document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "an EPS document"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"push graphic-context", "an ImageMagick drawing (MVG)"),
    (b"viewbox ", "an ImageMagick drawing (MVG)"),
    (b"P1\n", "a Netpbm picture"),
    (b"P2\n", "a Netpbm picture"),
    (b"P3\n", "a Netpbm picture"),
    (b"P4\n", "a Netpbm picture"),
    (b"P5\n", "a Netpbm picture"),
    (b"P6\n", "a Netpbm picture"),
    (b"{\\rtf", "an RTF document"),
)
_BRANDS = (
    (re.compile(rb"avif|avis"), "an AVIF picture"),
    (re.compile(rb"hei[cxms]|hev[cxms]|mif1|msf1"), "a HEIC picture"),
)
EXPORT = "Export the picture as JPEG, PNG or WebP and send it again."
FORGOTTEN_AT = f"{EXPORT} Did you forget the @ of -F image=@FILE?"
# curl sends what stands after an = without an @ as it is: the name in place of the file.
_FILE_NAME = re.compile(rb"[^\x00-\x1f<>]{1,250}\.[a-zA-Z0-9]{2,5}\s{0,2}")

_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_HTML = re.compile(rb"<(!doctype html|html|head|body)[\s>]", re.IGNORECASE)


def recognise(head: bytes) -> ImageFormat:
    """Name the accepted format that the first bytes of a file belong to.

    Raises InvalidImage: ``malformed_image`` for an empty file, ``unsupported_image_format`` that
    names what the file looks like for everything that is not JPEG, PNG or WebP.
    """
    if not head:
        raise InvalidImage(
            "malformed_image",
            "The file is empty.",
            param="image",
            fix="Send the picture's own bytes as the field image.",
        )
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    raise InvalidImage(
        "unsupported_image_format",
        f"The file looks like {looks_like(head)}; JPEG, PNG and WebP are accepted.",
        param="image",
        allowed={"formats": list(ACCEPTED)},
        fix=FORGOTTEN_AT if _FILE_NAME.fullmatch(head) else EXPORT,
    )


def looks_like(head: bytes) -> str:
    """What a file of no accepted format looks like by its first bytes, as a detail may name it."""
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[4:8] == b"ftyp":
        return next((name for brand, name in _BRANDS if brand.search(head[8:64])), "a video")
    for found, name in (
        (_SVG.search(head), "an SVG drawing"),
        (_HTML.search(head), "an HTML page"),
        (b"push graphic-context" in head, "an ImageMagick drawing (MVG)"),
        (head.lstrip().startswith(b"<"), "an XML document"),
    ):
        if found:
            return name
    return "text" if _is_text(head) else "no picture format that is known here"


def _is_text(head: bytes) -> bool:
    try:
        # A character may be cut at the end of the head; up to three bytes of it are left out.
        text = head[: len(head) - 3 if len(head) > HEAD_BYTES - 4 else None].decode()
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\r\n\t\f" for letter in text)
