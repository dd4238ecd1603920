"""A stored file as an answer: its tag, a part of it on request, and never run by a browser."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from quart import Request, Response
from werkzeug.http import parse_etags, parse_range_header

from domain.errors import InvalidInput

PIECE_BYTES = 256 * 1024
SEND_WITHIN_S = 600.0


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A file to be sent: its path and name, its media type, the hash that names it, its bytes."""

    path: Path
    name: str
    media_type: str
    sha256: str
    size_bytes: int


async def file_response(file: FileAnswer, request: Request) -> Response:
    """The file, or the range of it that was asked for, or 304 when the client has it already.

    Raises InvalidInput (range_not_satisfiable), and OSError before anything is sent when the file
    is not there. Several ranges at once are answered with the whole
    file, as RFC 9110, 14.2 allows.
    """
    etag = f'"{file.sha256}"'
    headers = {
        "etag": etag,
        "cache-control": "private",
        "accept-ranges": "bytes",
        # A picture opened by itself is a document of our origin: it may run and load nothing.
        "content-security-policy": "sandbox; default-src 'none'",
        "content-disposition": f'attachment; filename="{file.name}"',
    }
    if parse_etags(request.headers.get("if-none-match")).contains_weak(file.sha256):
        return Response(b"", 304, headers)
    begin, end, status = _range_of(file, request, etag)
    if status == 206:  # noqa: PLR2004 - part of the content
        headers["content-range"] = f"bytes {begin}-{end - 1}/{file.size_bytes}"
    if request.method == "HEAD":
        body: AsyncIterator[bytes] | bytes = b""
    else:
        body = _pieces(await asyncio.to_thread(file.path.open, "rb"), begin, end)
    response = Response(body, status, headers, content_type=file.media_type)
    response.headers["content-length"] = str(end - begin)
    response.timeout = SEND_WITHIN_S
    return response


def _range_of(file: FileAnswer, request: Request, etag: str) -> tuple[int, int, int]:
    """First byte, byte after the last, and the status that says so."""
    whole = (0, file.size_bytes, 200)
    asked = parse_range_header(request.headers.get("range"))
    condition = request.headers.get("if-range")
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return whole
    if condition is not None and condition.strip() != etag:
        return whole
    found = asked.range_for_length(file.size_bytes)
    if found is None:
        raise InvalidInput(
            "range_not_satisfiable",
            f"The range lies outside the {file.size_bytes} bytes.",
            fix=f"Ask for bytes from 0 to {file.size_bytes - 1}.",
            headers={"content-range": f"bytes */{file.size_bytes}"},
        )
    begin, end = found
    return begin, min(end, file.size_bytes), 206


async def _pieces(file: BinaryIO, begin: int, end: int) -> AsyncIterator[bytes]:
    try:
        file.seek(begin)
        left = end - begin
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, left))
            if not piece:
                return
            left -= len(piece)
            yield piece
    finally:
        file.close()
