"""Small synthetic product photos with a known answer, and files that are no good pictures.

A photo is a backdrop under uneven light, a shadow, a product with an anti-aliased outline and a
texture, a lens blur and sensor noise. The product's box, the product's pixels and the pixels that
are nothing but backdrop are known exactly.
"""

import io
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Shape = str
SHAPES: tuple[Shape, ...] = ("box", "bottle", "ball", "ring", "lamp", "star", "pair", "shoe")
COLOURS = {
    "red": (196, 40, 44),
    "blue": (36, 84, 150),
    "green": (52, 120, 70),
    "yellow": (232, 190, 40),
    "black": (34, 34, 36),
    "brown": (128, 84, 56),
    "grey": (120, 121, 124),
    "white": (250, 250, 249),
}
LIGHTS = ("even", "side", "vignette", "sweep")


@dataclass(frozen=True)
class Photo:
    """A photo and the truth about it.

    ``box`` is left, top, width, height in pixels; ``product`` and ``plain`` are masks of the
    product's pixels and of those that are neither product nor its outline nor its shadow.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    box: tuple[float, float, float, float]
    product: npt.NDArray[np.bool_]
    plain: npt.NDArray[np.bool_]

    def save(self, path: Path, *, quality: int = 92) -> Path:
        """Write the photo in the format of the path's suffix; a PNG as quickly as can be."""
        Image.fromarray(self.pixels).save(path, quality=quality, compress_level=1)
        return path


def photo(
    *,
    shape: Shape = "box",
    colour: tuple[int, int, int] = COLOURS["blue"],
    backdrop: tuple[int, int, int] = (232, 233, 234),
    light: str = "even",
    shadow: str = "soft",
    noise: float = 1.5,
    size: tuple[int, int] = (1200, 900),
    share: float = 0.5,
    centre: tuple[float, float] = (0.5, 0.5),
    seed: int = 1,
) -> Photo:
    """Make one photo; ``share`` is the product's height as a share of the frame's shorter side."""
    width, height = size
    rng = np.random.default_rng(seed)
    x, y = _coordinates(size, share=share, centre=centre)
    distance = _distance(shape, x, y)
    per_pixel = 2 / (share * min(size))
    cover = np.clip(0.5 - distance / per_pixel, 0, 1)
    levels = np.array(backdrop, np.float32) * _light(light, size)[..., None]
    shade = _shadow(shadow, distance, x, y)
    levels = levels * shade[..., None]
    product = _product(np.array(colour, np.float32), x, y, rng)
    levels = levels * (1 - cover[..., None]) + product * cover[..., None]
    levels = cv2.GaussianBlur(levels, (0, 0), 0.6)
    if noise:
        grain = rng.normal(0, noise, (height, width, 3)).astype(np.float32)
        levels = levels + grain
    box = _box(cover)
    plain = (distance > 4 * per_pixel) & (shade > 0.997)
    pixels = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
    name = _name(shape=shape, colour=colour, light=light, shadow=shadow, size=size)
    return Photo(name, pixels, box, cover > 0.5, plain)


def flat(
    *,
    size: tuple[int, int] = (1000, 1000),
    fill: float = 0.86,
    backdrop: int = 255,
    colour: tuple[int, int, int] = (36, 84, 150),
) -> npt.NDArray[np.uint8]:
    """A plain box on an even backdrop: ``fill`` of the height, half as wide, in the middle."""
    width, height = size
    pixels = np.full((height, width, 3), backdrop, np.uint8)
    tall = round(fill * height)
    wide = min(tall // 2, width - 2)
    top, left = (height - tall) // 2, (width - wide) // 2
    pixels[top : top + tall, left : left + wide] = colour
    return pixels


def photos(count: int, *, seed: int = 7) -> Iterator[tuple[str, Callable[[], Photo]]]:
    """Photos of many kinds on light, near-neutral backdrops, the same ones for one seed.

    Each is told by its name, and drawn when it is asked for: collecting tests draws none.
    """
    rng = np.random.default_rng(seed)
    names = list(COLOURS)
    sizes = ((1200, 900), (900, 1200), (1000, 1000), (1600, 1067), (800, 600))
    for number in range(count):
        level = rng.uniform(185, 246)
        cast = rng.uniform(-0.02, 0.02, 3)
        colour = np.array(COLOURS[names[number % len(names)]])
        if names[number % len(names)] == "white":
            level = min(level, 225)
        wishes: dict[str, Any] = {
            "shape": SHAPES[int(rng.integers(len(SHAPES)))],
            "colour": tuple(int(c) for c in np.clip(colour + rng.integers(-12, 13, 3), 0, 255)),
            "backdrop": tuple(int(c) for c in np.clip(level * (1 + cast), 0, 255)),
            "light": LIGHTS[int(rng.integers(len(LIGHTS)))],
            "shadow": ("none", "soft", "contact", "cast")[int(rng.integers(4))],
            "noise": float(rng.uniform(0.3, 3.5)),
            "size": sizes[int(rng.integers(len(sizes)))],
            "share": float(rng.uniform(0.25, 0.7)),
            "centre": (float(rng.uniform(0.42, 0.58)), float(rng.uniform(0.42, 0.55))),
            "seed": number,
        }
        yield _name(**wishes), partial(photo, **wishes)


def _name(
    *,
    shape: Shape,
    colour: tuple[int, int, int],
    light: str,
    shadow: str,
    size: tuple[int, int],
    **_: object,
) -> str:
    return f"{shape}-{'-'.join(map(str, colour))}-{light}-{shadow}-{size[0]}x{size[1]}"


def _coordinates(
    size: tuple[int, int], *, share: float, centre: tuple[float, float]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Coordinates in which the product reaches from -1 to 1 upright; y grows downwards."""
    width, height = size
    unit = share * min(size) / 2
    x = (np.arange(width, dtype=np.float32) + 0.5 - centre[0] * width) / unit
    y = (np.arange(height, dtype=np.float32) + 0.5 - centre[1] * height) / unit
    return np.broadcast_to(x[None, :], (height, width)), np.broadcast_to(
        y[:, None], (height, width)
    )


def _distance(  # noqa: C901, PLR0911 - one for each shape
    shape: Shape, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """The signed distance to the outline: negative inside (Inigo Quilez' 2D functions)."""

    def rounded(cx: float, cy: float, half: tuple[float, float], radius: float) -> np.ndarray:
        dx, dy = np.abs(x - cx) - half[0] + radius, np.abs(y - cy) - half[1] + radius
        outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
        return outside + np.minimum(np.maximum(dx, dy), 0) - radius

    match shape:
        case "box":
            return rounded(0, 0, (0.8, 1.0), 0.1)
        case "bottle":
            return np.minimum(
                rounded(0, 0.25, (0.4, 0.75), 0.15), rounded(0, -0.6, (0.14, 0.4), 0.05)
            )
        case "ball":
            return np.hypot(x, y) - 1
        case "ring":
            handle = np.abs(np.hypot(x - 0.65, y) - 0.45) - 0.1
            return np.minimum(rounded(0, 0, (0.7, 1.0), 0.12), handle)
        case "lamp":
            return np.minimum(
                np.minimum(rounded(0, 0.93, (0.6, 0.07), 0.03), rounded(0, 0.1, (0.04, 0.9), 0.02)),
                rounded(0, -0.7, (0.45, 0.3), 0.1),
            )
        case "star":
            angle = np.arctan2(x, -y)
            return (np.hypot(x, y) - 0.72 - 0.28 * np.cos(5 * angle)) * 0.6
        case "pair":
            return np.minimum(rounded(-0.6, 0, (0.45, 1.0), 0.2), rounded(0.6, 0, (0.45, 1.0), 0.2))
        case "frame":  # not among SHAPES: the box of a frame is no harder than that of a box
            return np.abs(rounded(0, 0, (0.7, 0.9), 0.1)) - 0.1
        case "shoe":
            return np.minimum(
                rounded(0, 0.6, (1.5, 0.4), 0.35), rounded(-0.8, -0.1, (0.6, 0.9), 0.3)
            )
    raise ValueError(f"no such shape: {shape}")


def _light(light: str, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    width, height = size
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    falls = {
        "even": np.zeros((height, width), np.float32),
        "side": 0.06 * (x + 1) + 0 * y,
        "vignette": 0.07 * (x * x + y * y),
        "sweep": 0.05 * np.clip(y, 0, 1) ** 2 + 0.02 * x + 0.02,
    }
    return (1 - falls[light]).astype(np.float32)


def _shadow(
    shadow: str,
    distance: npt.NDArray[np.float32],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """The share of the light that is left: soft around, under the foot, or cast to the right."""
    outside = np.maximum(distance, 0)
    match shadow:
        case "none":
            return np.ones_like(distance)
        case "soft":
            return 1 - 0.28 * np.exp(-outside / 0.25) * np.clip(0.6 + 0.5 * y, 0, 1)
        case "contact":
            flat = np.hypot(x / 1.1, (y - 1) / 0.16)
            return 1 - 0.5 * np.exp(-(flat**2))
        case "cast":
            along = np.hypot((x - 0.9) / 1.3, (y - 0.92) / 0.14) - 1
            return 1 - 0.35 / (1 + np.exp(np.clip(along / 0.13, -30, 30)))
    raise ValueError(f"no such shadow: {shadow}")


def _product(
    colour: npt.NDArray[np.float32],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """A lit body with a highlight and a band across it."""
    body = 0.94 - 0.14 * x + 0.06 * np.cos(3 * y)
    band = (np.abs(y - rng.uniform(-0.3, 0.3)) < 0.12)[..., None] * np.float32(0.18)
    shine = 40 * np.exp(-((x + 0.35) ** 2 + (y + 0.45) ** 2) / 0.03)
    levels = colour * np.clip(body, 0.6, 1.06)[..., None] * (1 - band) + shine[..., None]
    return np.clip(levels, 0, 255).astype(np.float32)


def _box(cover: npt.NDArray[np.float32]) -> tuple[float, float, float, float]:
    """The box of what is covered, with the share that the outermost pixels are covered."""
    if cover.max() == 0:
        return 0.0, 0.0, 0.0, 0.0
    ends = []
    for axis in (0, 1):
        most = cover.max(axis=axis)
        held = np.flatnonzero(most > 0)
        ends.append((held[0] + 1 - most[held[0]], held[-1] + most[held[-1]]))
    (left, right), (top, bottom) = ends
    return float(left), float(top), float(right - left), float(bottom - top)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0.0, wide) * max(0.0, high)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


# Files that are no good pictures.


def png_that_claims(width: int, height: int, *, data: bytes = b"\0") -> bytes:
    """A PNG of about 69 bytes whose header claims any size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(data)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def bomb_png(side: int = 30_000) -> bytes:
    """A whole PNG of so many rows and columns, 900 megapixels in 1.5 megabytes.

    All rows are the same, so one is packed and the bytes repeated; the checksum of zeros is known.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    row = packer.compress(b"\0" * (side + 1)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = ((side * (side + 1)) % 65521) << 16 | 1
    body = b"\x78\xda" + row * side + packer.flush() + struct.pack(">I", checksum)
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", body), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in chunks
    )


def encoded(image_format: str, *, side: int = 240, **options: object) -> bytes:
    """A good small photo in a format that Pillow writes (JPEG, PNG, WEBP, GIF, TIFF, BMP)."""
    made = photo(size=(side, side), noise=1.0)
    file = io.BytesIO()
    Image.fromarray(made.pixels).save(file, image_format, **options)
    return file.getvalue()


def truncated(image_format: str, *, keep: float = 0.6) -> bytes:
    """A good file that lost its end."""
    whole = encoded(image_format)
    return whole[: math.floor(len(whole) * keep)]


def not_pictures() -> dict[str, bytes]:
    """Files of other kinds by what a refusal should call them."""
    return {
        "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9"/>',
        "PDF": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>",
        "MVG": b'push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 "url(http://x)"\n',
        "GIF": encoded("GIF"),
        "TIFF": encoded("TIFF"),
        "BMP": encoded("BMP"),
        "HTML": b"<!doctype html><html><body>404</body></html>",
        "text": b"sku,title\n1,Mug\n",
        "ZIP": b"PK\x03\x04" + bytes(60),
        "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(60),
        "AVIF": b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + bytes(60),
        "no picture format": bytes(range(200, 256)) * 4,
    }


def polyglot() -> bytes:
    """A good JPEG with a ZIP archive behind its end."""
    return encoded("JPEG") + b"PK\x03\x04" + bytes(500)
