"""Everything that can be refused, as a tree of coded errors.

Refusal                      a caller can read it: a stable code, a sentence, and how to mend it
├── Unauthenticated          the caller is not known          (key_*)
├── Forbidden                the caller may not               (scope_missing, …)
├── NotFound                 it is not there, or not theirs   (not_found)
├── Conflict                 it changed meanwhile             (version_conflict)
├── InvalidInput             the request's words are wrong    (invalid_parameter, …)
├── InvalidImage             the picture cannot be used       (malformed_image, …)
└── Unavailable              not now; again later             (overloaded, timeout, …)

The HTTP status and the title of each code stand in ``packshot/edge/problems.py``; one page per
code stands in ``docs/errors/``.
"""

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """A request was refused for a reason that its caller may read.

    ``code`` is stable and documented; ``detail`` is one sentence that says what was got and what
    is allowed; ``fix`` says what to do next; ``param`` names the field, ``allowed`` its range.
    """

    # Whether the same request may succeed later: of the class, or set where only the case knows.
    retryable: bool = False

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        fix: str | None = None,
        param: str | None = None,
        allowed: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.fix = fix
        self.param = param
        self.allowed = allowed
        self.headers = headers or {}

    def as_dict(self) -> dict[str, Any]:
        """The refusal as JSON-native data: what a render child answers to its parent."""
        return {
            "code": self.code,
            "detail": self.detail,
            "fix": self.fix,
            "param": self.param,
            "allowed": dict(self.allowed) if self.allowed is not None else None,
            "headers": dict(self.headers),
            "retryable": self.retryable,
        }


class Unauthenticated(Refusal):
    """The caller's credentials are missing, malformed, unknown or no longer valid."""


class Forbidden(Refusal):
    """The caller is known and may not do this."""


class NotFound(Refusal):
    """There is no such thing in the caller's organization."""


class Conflict(Refusal):
    """The thing changed between reading and writing."""


class InvalidInput(Refusal):
    """The request cannot be understood or holds a value that is not allowed."""


class InvalidImage(Refusal):
    """The picture cannot be decoded, is too large, or is not a picture."""


class Unavailable(Refusal):
    """The service cannot do this now; the same request may succeed later."""

    retryable: bool = True
