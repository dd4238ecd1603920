"""Fetching the photo behind an ``imageUrl`` into the spool."""

from dataclasses import dataclass

from domain.errors import InvalidInput
from integrations.http import OutboundClient, OutboundFailed
from packshot.commands.making import Photo
from packshot.store.blobs import Blobs

PHOTO_MAX_BYTES = 50 * 1024 * 1024
FETCH_S = 20.0

AGAIN = "Try again; if it stays, send the file itself as the field image."
MEND = "Check the URL in a private window of a browser, or send the file as the field image."
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
        ``url_fetch_failed``, and then leaves no file. ``param`` is the field that held the URL.
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
        return Photo(path, got.sha256, got.size_bytes)


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
        detail, fix = FAILURES[failed.reason]
    return InvalidInput("url_fetch_failed", detail, fix=fix, param=param)
