"""Fetching the photo behind an ``imageUrl`` into the spool."""

from dataclasses import dataclass
from pathlib import Path

from domain.errors import InvalidImage, InvalidInput
from imaging.formats import HEAD_BYTES, looks_like, recognise
from integrations.http import OutboundClient, OutboundFailed
from packshot.commands.making import Photo
from packshot.store.blobs import Blobs

PHOTO_MAX_BYTES = 50 * 1024 * 1024
FETCH_S = 20.0

AGAIN = "Try again; if it stays, send the file itself as the field image."
MEND = "Check the URL in a private window of a browser, or send the file as the field image."
PAGE = (
    "Use the address of the picture itself, which a browser shows without a page around it, or "
    "send the file as the field image."
)
# What a server answers in place of a picture: a viewer, a sign-in, an error in words.
PAGES = frozenset({"an HTML page", "an XML document", "text"})
# Of the words of integrations.http, what the same request may not meet again.
MAY_PASS = frozenset({"timeout", "unresolved", "connection_failed", "bad_response"})
# For each word of integrations.http: what happened, and what to do next.
FAILURES = {
    "timeout": (f"The picture had not arrived after {FETCH_S:.0f} s.", AGAIN),
    "unresolved": ("The host of the URL has no address.", "Check its spelling, or try again."),
    "connection_failed": ("The host did not take the connection, or broke it.", AGAIN),
    "tls_failed": (
        "The host's certificate does not prove its name, or it speaks no TLS.",
        "Mend the certificate, or send the file itself as the field image.",
    ),
    "bad_response": ("What the host answered is no complete HTTP response.", AGAIN),
    "too_large": (
        f"The file has more than {PHOTO_MAX_BYTES // 1024**2} MiB.",
        "Send a smaller file; the same URL would be refused again.",
    ),
    "encoded": (
        "The host answered a compressed body although none was asked for.",
        "Serve the picture without Content-Encoding, or send the file as the field image.",
    ),
    "redirect": (
        "The host answered a redirect, which is not followed.",
        "Use the address that it leads to.",
    ),
}


@dataclass(frozen=True, slots=True)
class Downloads:
    """The use case of pictures that a caller names by their URL."""

    client: OutboundClient
    blobs: Blobs

    async def fetch(self, url: str, *, param: str = "imageUrl") -> Photo:
        """Download a photo into the spool; its caller discards the file.

        At most 50 MiB in at most 20 s. Raises InvalidInput with ``url_not_allowed`` or
        ``url_fetch_failed``, and InvalidImage for a file that is no accepted picture; then leaves
        no file. ``param`` is the field that held the URL.
        """
        path = self.blobs.temporary("download")
        try:
            got = await self.client.download(
                url, path, max_bytes=PHOTO_MAX_BYTES, deadline_s=FETCH_S
            )
        except OutboundFailed as failed:
            if failed.reason == "refused_address":
                # The check knows which of its rules it was, unless the name has changed meanwhile.
                await self.client.check(url, param=param)
            raise _refusal(failed, param) from None
        try:
            _require_picture(path, media_type=got.media_type, param=param)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Photo(path, got.sha256, got.size_bytes)


def _require_picture(path: Path, *, media_type: str | None, param: str) -> None:
    """Raise InvalidInput for a page or a text, InvalidImage for what else is no picture.

    The media type decides only where the first bytes are of no accepted picture: servers err.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    try:
        recognise(head)
    except InvalidImage as refused:
        what = "an HTML page" if media_type == "text/html" else looks_like(head)
        if head and what in PAGES:
            detail = f"The address leads to {what}, not to a picture."
            raise InvalidInput("url_fetch_failed", detail, fix=PAGE, param=param) from None
        refused.param = param
        raise


def _refusal(failed: OutboundFailed, param: str) -> InvalidInput:
    if failed.reason == "refused_address":
        return InvalidInput(
            "url_not_allowed",
            "The host resolves to an address that is not called.",
            fix="Use a host on the public internet.",
            param=param,
        )
    if failed.status is not None:
        again = failed.status == 429 or failed.status >= 500  # noqa: PLR2004 - RFC 9110: may pass
        detail, fix = f"The host answered {failed.status} instead of 200.", AGAIN if again else MEND
    else:
        again = failed.reason in MAY_PASS
        detail, fix = FAILURES[failed.reason]
    refusal = InvalidInput("url_fetch_failed", detail, fix=fix, param=param)
    refusal.retryable = again
    return refusal
