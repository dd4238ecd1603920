"""Why a call to somebody else's server came to nothing: one word, never an address or a secret."""

from typing import Literal

REASONS = frozenset(
    {
        "timeout",  # the total deadline passed, wherever the call was
        "refused_address",  # the URL, or an address of its host, is not allowed
        "unresolved",  # the host has no address, or its name servers do not answer
        "connection_failed",  # nobody listens there, or the connection broke
        "tls_failed",  # no TLS, or a certificate that does not prove the host
        "bad_response",  # what came is no HTTP/1.1 response, or not the whole of it
        "too_large",  # more bytes than the caller takes
        "encoded",  # a compressed body, although none was asked for
        "redirect",  # 3xx: the next address would be the server's choice
    }
)
Reason = Literal[
    "timeout", "refused_address", "unresolved", "connection_failed", "tls_failed",
    "bad_response", "too_large", "encoded", "redirect",
]  # fmt: skip


class OutboundFailed(Exception):
    """A call to somebody else's server failed.

    ``reason`` is a word of ``REASONS``, or ``http_`` and the status when a download was answered
    with another status than 200.
    """

    def __init__(self, reason: Reason, *, status: int | None = None) -> None:
        self.reason = f"http_{status}" if status is not None else reason
        self.status = status
        super().__init__(self.reason)


class RefusedUrl(Exception):
    """A URL that is not called. ``detail`` and ``fix`` are sentences for who gave it."""

    def __init__(self, detail: str, *, fix: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fix = fix
