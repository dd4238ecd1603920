"""What a request's headers say before anything is read, in one pass over them."""

import re
from collections.abc import Iterable

from domain.errors import InvalidInput, Refusal
from packshot.edge.credentials import Credentials

CLIENT_REF = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Arrival:
    """What the headers say about the body and the caller.

    ``refusal`` is set when the request must not be read; ``is_untrusted`` when nobody can say
    where its body ends. ``forwarded`` holds what proxies say of who asks, by the header they say it
    in. ``client_ref`` is the caller's own request id, if it is well formed.
    """

    __slots__ = (
        "asks_for_method",
        "client_ref",
        "credentials",
        "forwarded",
        "has_body",
        "is_untrusted",
        "refusal",
    )

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.asks_for_method = False
        self.credentials = Credentials()
        self.client_ref: str | None = None
        self.forwarded: dict[bytes, list[bytes]] = {b"x-forwarded-for": [], b"forwarded": []}
        self.refusal: Refusal | None = None
        self.has_body = has_length = has_transfer_encoding = False
        kept = self.forwarded | {
            b"x-api-key": self.credentials.api_keys,
            b"authorization": self.credentials.authorizations,
        }
        for name, value in headers:
            if name in kept:
                kept[name].append(value)
            elif name == b"content-length":
                has_length = True
                self.has_body = value != b"0"
            elif name == b"transfer-encoding":
                self.has_body = has_transfer_encoding = True
            elif name == b"content-encoding" and value.lower() != b"identity":
                self.refusal = _content_encoding()
            elif name == b"x-request-id" and CLIENT_REF.fullmatch(value):
                self.client_ref = value.decode("ascii")
            elif name == b"access-control-request-method":
                self.asks_for_method = True
        self.is_untrusted = has_length and has_transfer_encoding
        if self.is_untrusted:
            self.refusal = _two_framings()


def _two_framings() -> Refusal:
    """A proxy and a server that disagree on a body's end read two different requests."""
    return InvalidInput(
        "malformed_request",
        "Content-Length and Transfer-Encoding exclude each other (RFC 9112, 6.1).",
        fix="Send one of them.",
        headers={"connection": "close"},
    )


def _content_encoding() -> Refusal:
    return InvalidInput(
        "unsupported_media_type",
        "Request bodies with a Content-Encoding are not read.",
        fix="Send the body as it is, without compressing it.",
        headers={"connection": "close"},
    )
