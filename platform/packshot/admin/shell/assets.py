"""The files that pages load: read once, named by their content, and kept by browsers for a year."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from quart import Request, Response

FOLDER = Path(__file__).parents[1] / "static"
PREFIX = "/static/"
A_YEAR_S = 31_536_000
TYPES = {".js": "text/javascript", ".woff2": "font/woff2"}  # which some machines do not know


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    media_type: str
    tag: str


@cache
def assets() -> Mapping[str, Asset]:
    """Every asset by its name below the folder."""
    files = (path for path in sorted(FOLDER.rglob("*")) if path.is_file())
    return {path.relative_to(FOLDER).as_posix(): _asset(path) for path in files}


def asset_url(name: str) -> str:
    """The address of an asset, another one when its content is; raises KeyError for none."""
    return f"{PREFIX}{name}?v={assets()[name].tag}"


def asset_response(name: str, request: Request) -> Response | None:
    """The asset, or None where there is none of that name."""
    asset = assets().get(name)
    if asset is None:
        return None
    is_this_one = request.args.get("v") == asset.tag
    headers = {
        "etag": f'"{asset.tag}"',
        "cache-control": f"public, max-age={A_YEAR_S}, immutable" if is_this_one else "no-cache",
        "cross-origin-resource-policy": "same-origin",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(b"", 304, headers)
    return Response(asset.content, 200, headers, content_type=asset.media_type)


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    is_text = media_type is not None and media_type.startswith(("text/", "image/svg"))
    charset = "; charset=utf-8" if is_text else ""
    tag = sha256(content).hexdigest()[:16]
    return Asset(content, f"{media_type or 'application/octet-stream'}{charset}", tag)
