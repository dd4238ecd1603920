"""A multipart body as fields and one spooled file, read piece by piece within bounds."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from domain.errors import InvalidImage, InvalidInput, Refusal
from packshot.edge.bodies import PulledBody
from packshot.edge.forms import duplicate_field, unknown_field
from packshot.edge.spool import Spooled, SpoolFile, spooling

MOST_PARTS = 40
MOST_FIELD_BYTES = 64 * 1024
# Room for the fields and the part headers besides the file, in Content-Length and in what comes:
# a chunked body may go on before its first part and after its last one.
FRAMING_BYTES = 1024 * 1024


@dataclass(slots=True)
class Received:
    """What a multipart body held: text fields by name, and the file of the file field."""

    values: dict[str, object] = field(default_factory=dict)
    file: Spooled | None = None


@asynccontextmanager
async def receiving(
    body: PulledBody,
    content_type: str,
    *,
    file_field: str,
    spool: Path,
    max_bytes: int,
    repeated: frozenset[str] = frozenset(),
) -> AsyncIterator[Received]:
    """Read a multipart body; its file lies in ``spool`` until the block is left.

    The fields named in ``repeated`` may come several times, also as ``name[]``, and are lists.

    Raises InvalidInput (malformed_request, duplicate_field), InvalidImage (file_too_large, as soon
    as Content-Length or the bytes say so) and ClientGone.
    """
    if body.expected_bytes is not None and body.expected_bytes > max_bytes + FRAMING_BYTES:
        raise _file_too_large(file_field, max_bytes)
    async with AsyncExitStack() as files:
        reader = _Reader(
            files, file_field=file_field, spool=spool, max_bytes=max_bytes, repeated=repeated
        )
        try:
            parser = PushMultipartParser(
                _boundary_of(content_type), max_segment_count=MOST_PARTS, header_charset="utf8"
            )
            async for piece in body.pieces():
                if body.received_bytes > max_bytes + FRAMING_BYTES:
                    raise _file_too_large(file_field, max_bytes)
                if not parser.closed:
                    for event in parser.parse(piece):
                        await reader.take(event)
            parser.close()
        except ParserLimitReached:
            raise _malformed(
                f"A part's header is too long, or there are over {MOST_PARTS} parts."
            ) from None
        except MultipartError as error:
            raise _malformed(f"The multipart body is broken: {error.args[0]}.") from None
        yield reader.received


class _Reader:
    """Sorts a parser's events into fields and the file."""

    def __init__(
        self,
        files: AsyncExitStack,
        *,
        file_field: str,
        spool: Path,
        max_bytes: int,
        repeated: frozenset[str],
    ) -> None:
        self.received = Received()
        self._files = files
        self._file_field = file_field
        self._spool = spool
        self._max_bytes = max_bytes
        self._repeated = repeated
        self._segment: MultipartSegment | None = None
        self._text = bytearray()
        self._file: SpoolFile | None = None

    async def take(self, event: MultipartSegment | bytearray | bytes | None) -> None:
        """Take the begin, a piece, or the end of a part."""
        if isinstance(event, MultipartSegment):
            await self._begin(event)
        elif event is None:
            await self._end()
        elif self._file is not None:
            if self._file.size_bytes + len(event) > self._max_bytes:
                raise _file_too_large(self._file_field, self._max_bytes)
            await self._file.write(event)
        else:
            self._text += event
            if len(self._text) > MOST_FIELD_BYTES:
                raise _field_too_long(self._segment)

    async def _begin(self, segment: MultipartSegment) -> None:
        name = segment.name or ""
        self._segment = segment
        self._text.clear()
        if name == self._file_field:
            if self.received.file is not None:
                raise duplicate_field(name)
            self._file = await self._files.enter_async_context(spooling(self._spool))
        elif segment.filename is not None:
            # A file that is sent as product is no mistake of spelling: it is to be sent as image.
            fix = f"Send the file as {self._file_field}."
            raise unknown_field(name, [self._file_field], fix=fix)
        elif name in self.received.values and name not in self._repeated:
            raise duplicate_field(name)

    async def _end(self) -> None:
        segment = self._segment
        assert segment is not None
        if self._file is not None:
            self.received.file = await self._file.finish(filename=segment.filename)
            self._file = None
            return
        try:
            text = self._text.decode("utf-8")
        except UnicodeDecodeError:
            raise _not_text(segment) from None
        name = segment.name or ""
        listed = name.removesuffix("[]")
        values = self.received.values
        if listed in self._repeated:
            values[listed] = [*values.get(listed, ()), text]  # type: ignore[misc] # a list by now
        else:
            values[name] = text


def _boundary_of(content_type: str) -> str:
    _, options = parse_options_header(content_type)
    boundary: str = options.get("boundary", "")
    if not boundary:
        raise _malformed("The multipart content type names no boundary.")
    return boundary


def _malformed(detail: str) -> Refusal:
    return InvalidInput(
        "malformed_request",
        detail,
        fix="Let the HTTP library build the multipart body and its Content-Type.",
    )


def _file_too_large(name: str, max_bytes: int) -> Refusal:
    return InvalidImage(
        "file_too_large",
        f"{name} may have {max_bytes} bytes ({max_bytes / 2**20:g} MiB); this one has more.",
        param=name,
        allowed={"max": max_bytes},
        fix="Send a smaller file, for example a JPEG of the same pixels.",
    )


def _field_too_long(segment: MultipartSegment | None) -> Refusal:
    name = ((segment and segment.name) or "")[:80]
    return InvalidInput(
        "invalid_parameter",
        f"The field {name} holds more than {MOST_FIELD_BYTES} bytes.",
        param=name,
        allowed={"maxBytes": MOST_FIELD_BYTES},
        fix="Send a shorter text.",
    )


def _not_text(segment: MultipartSegment) -> Refusal:
    name = (segment.name or "")[:80]
    return InvalidInput(
        "invalid_parameter",
        f"The field {name} is not text in UTF-8.",
        param=name,
        fix="Send a file as the field image, and everything else as text in UTF-8.",
    )
