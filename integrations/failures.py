"""Why a call to somebody else's server came to nothing: one word, never an address or a secret."""

from typing import Literal, Self, get_args

Reason = Literal[
    "timeout",  # the total deadline passed, wherever the call was
    "refused_address",  # the URL, or an address of its host, is not allowed
    "unresolved",  # the host has no address, or its name servers do not answer
    "connection_failed",  # nobody listens there, or the connection broke
    "tls_failed",  # no TLS, or a certificate that does not prove the host
    "bad_response",  # what came is no HTTP/1.1 response, or not the whole of it
    "too_large",  # more bytes than the caller takes
    "encoded",  # a compressed body, although none was asked for
    "redirect",  # 3xx: the next address would be the server's choice
]
REASONS: frozenset[str] = frozenset(get_args(Reason))
NEVER_SENT: frozenset[str] = frozenset({"refused_address", "unresolved", "tls_failed"})


class OutboundFailed(Exception):
    """A call to somebody else's server failed.

    ``reason`` is a word of ``REASONS``, or ``http_404`` and the like when a download was answered
    with another status than 200. ``is_sent`` says whether the server may have read the request.
    """

    def __init__(self, reason: Reason, *, is_sent: bool = True) -> None:
        super().__init__(reason)
        self.reason: str = reason
        self.is_sent = is_sent and reason not in NEVER_SENT
        self.status: int | None = None

    @classmethod
    def answered(cls, status: int) -> Self:
        """The failure of a download that was answered with that status."""
        failed = cls("bad_response")
        failed.reason, failed.status = f"http_{status}", status
        failed.args = (failed.reason,)
        return failed


class RefusedUrl(Exception):
    """A URL that is not called. ``detail`` and ``fix`` are sentences for who gave it."""

    def __init__(self, detail: str, *, fix: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fix = fix
