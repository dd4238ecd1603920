"""What a picture says about itself before it is decoded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyvips

from domain.errors import InvalidImage
from imaging.formats import ImageFormat
from imaging.structure import png_frames

_MIB = 1024 * 1024
# The process with its libraries, the largest decoded working copy (``steps/decode.py`` keeps at
# most 33 megapixels of three bytes) and a canvas of 2000 x 2000: 320 MB for a baseline JPEG of
# 100 megapixels. A larger canvas adds about 12 bytes a pixel, which a header cannot tell.
_PROCESS_BYTES = 305 * _MIB
Profile = Literal["none", "srgb", "other"]
# The orientations that turn the picture by a quarter (EXIF 2.32, tag 0x0112).
_FIRST_QUARTER_TURN = 5


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an accepted picture; sides are those of the upright picture.

    ``orientation`` is the EXIF value 1–8, ``pages`` the number of frames, ``bits`` the depth of a
    channel, ``is_interlaced`` says progressive (JPEG) or Adam7 (PNG), ``memory_bytes`` is the
    predicted peak of a render, ``profile`` whether an embedded colour profile names itself sRGB.
    """

    format: ImageFormat
    width_px: int
    height_px: int
    orientation: int
    pages: int
    bands: int
    bits: int
    has_alpha: bool
    has_icc: bool
    is_interlaced: bool
    memory_bytes: int
    profile: Profile

    @property
    def is_turned(self) -> bool:
        """Whether the stored picture lies a quarter turn from upright."""
        return self.orientation >= _FIRST_QUARTER_TURN


def read_header(source: Path, image_format: ImageFormat) -> Header:
    """Read the header of a file of a known format; raises InvalidImage ``malformed_image``."""
    try:
        image = _open(source, image_format)
    except pyvips.Error as error:
        raise InvalidImage(
            "malformed_image",
            f"The {image_format.upper()} header cannot be read.",
            param="image",
            fix="Open the picture in an editor, save it again, and send the new file.",
        ) from error
    orientation = _member(image, "orientation", 1)
    turned = orientation >= _FIRST_QUARTER_TURN
    bits = 16 if image.format == "ushort" else 8
    interlaced = bool(_member(image, "interlaced", 0) or _member(image, "jpeg-multiscan", 0))
    pages = _member(image, "n-pages", 1)
    return Header(
        format=image_format,
        width_px=image.height if turned else image.width,
        height_px=image.width if turned else image.height,
        orientation=orientation if 1 <= orientation <= 8 else 1,  # noqa: PLR2004 - EXIF
        pages=png_frames(source) if image_format == "png" else pages,
        bands=image.bands,
        bits=bits,
        has_alpha=bool(image.hasalpha()),
        has_icc=image.get_typeof("icc-profile-data") != 0,
        is_interlaced=interlaced,
        memory_bytes=_PROCESS_BYTES + _decoder_bytes(image, image_format, interlaced=interlaced),
        profile=_profile(image),
    )


def _profile(image: Any) -> Profile:
    """Whose profile it is; sRGB's many names all hold these four letters in its description.

    Profiles of version 2 write it in ASCII, those of version 4 in UTF-16 (ICC.1:2010, 10.13).
    """
    if image.get_typeof("icc-profile-data") == 0:
        return "none"
    head = image.get("icc-profile-data")[:4096]
    return (
        "srgb" if any("sRGB".encode(code) in head for code in ("ascii", "utf-16-be")) else "other"
    )


def _open(source: Path, image_format: ImageFormat) -> Any:
    """Open with the format's own loader, so that nothing else can ever read the file."""
    loaders = {
        "jpeg": pyvips.Image.jpegload,
        "png": pyvips.Image.pngload,
        "webp": pyvips.Image.webpload,
    }
    return loaders[image_format](str(source), access="sequential")


def _member(image: Any, name: str, default: int) -> int:
    value: int = image.get(name) if image.get_typeof(name) != 0 else default
    return value


def _decoder_bytes(image: Any, image_format: ImageFormat, *, interlaced: bool) -> int:
    """What the decoder keeps for the whole picture at once, on top of the working copy.

    A progressive JPEG keeps every coefficient (2 bytes, chroma as sampled), an Adam7 PNG every
    pixel, and libwebp the whole frame as RGBA and its YUV. A baseline JPEG or PNG streams rows.
    """
    pixels: int = image.width * image.height
    if image_format == "webp":
        return int(pixels * 5.5)
    if not interlaced:
        return 0
    if image_format == "png":
        return pixels * int(image.bands) * (2 if image.format == "ushort" else 1)
    halved = image.get_typeof("jpeg-chroma-subsample") != 0 and str(
        image.get("jpeg-chroma-subsample")
    ).startswith("4:2:0")
    # 4:2:0 holds two quarter-size planes beside the full one: 1.5 coefficients for each pixel.
    return pixels * 3 if halved else pixels * 2 * int(image.bands)
