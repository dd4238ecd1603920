"""What a call to a shop may come to, and each as the refusal that a caller reads.

ChannelError
├── AuthExpired        the shop does not accept the credentials
├── PermissionMissing  it knows them, and they may not do this
├── Vanished           the listing is not there (any more)
├── RemoteConflict     the listing is not as it was when the plan was made
├── Rejected           it understood, and does not want it
├── Throttled          too many calls; later
├── Transient          it does not answer, or not sensibly; later
│   └── Unreadable     what it answered is nothing that a shop would say
└── OutcomeUnknown     it may have done what was asked: look before doing it again
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import Conflict, Refusal, Unavailable

AGAIN = "Try again; if it stays, look at the shop itself."
MOST_ISSUES_TOLD = 5


@dataclass(frozen=True, slots=True)
class Issue:
    """What a shop has against a picture, in its own code and words."""

    code: str
    message: str
    slot: str | None = None


class ChannelError(Exception):
    """A call to a shop that came to nothing; ``detail`` and ``fix`` are sentences for people."""

    def __init__(self, detail: str, *, fix: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fix = fix


class AuthExpired(ChannelError):
    """The shop does not accept the credentials of the connection."""


class PermissionMissing(ChannelError):
    """The credentials may not do what was asked."""


class Vanished(ChannelError):
    """There is no such listing in the shop."""


class RemoteConflict(ChannelError):
    """The listing changed since it was looked at; ``digest`` is today's, where the shop says."""

    def __init__(self, detail: str, *, fix: str | None = None, digest: str | None = None) -> None:
        super().__init__(detail, fix=fix)
        self.digest = digest


class Rejected(ChannelError):
    """The shop does not want it, for these reasons."""

    def __init__(
        self, detail: str, *, fix: str | None = None, issues: Sequence[Issue] = ()
    ) -> None:
        super().__init__(detail, fix=fix)
        self.issues = tuple(issues)


class Throttled(ChannelError):
    """Too many calls; the next one after ``retry_after`` seconds."""

    def __init__(self, detail: str, *, retry_after: float, fix: str | None = None) -> None:
        super().__init__(detail, fix=fix)
        self.retry_after = retry_after


class Transient(ChannelError):
    """The shop does not answer now; nothing was changed."""


class Unreadable(Transient):
    """The shop answered something else than it should."""


class OutcomeUnknown(ChannelError):
    """The shop may or may not have done what it was asked: it is looked at before any repeat."""


def refusal_of_channel(error: ChannelError) -> Refusal:
    """The refusal that a caller reads: 409 publish_drifted, 424 channel_rejected or 502."""
    match error:
        case RemoteConflict():
            return Conflict(
                "publish_drifted",
                error.detail,
                fix=error.fix or "Make a new plan from the listing as it is now.",
            )
        case Throttled(retry_after=after):
            return Unavailable(
                "channel_unreachable",
                error.detail,
                fix=error.fix or "Try again later.",
                headers={"retry-after": str(max(1, round(after)))},
            )
        case Transient() | OutcomeUnknown():
            return Unavailable("channel_unreachable", error.detail, fix=error.fix or AGAIN)
        case Rejected(issues=issues) if issues:
            return Refusal("channel_rejected", _with_issues(error.detail, issues), fix=error.fix)
    return Refusal("channel_rejected", error.detail, fix=error.fix)


def _with_issues(detail: str, issues: Sequence[Issue]) -> str:
    told = "; ".join(
        f"{issue.code}: {issue.message}" + (f" ({issue.slot})" if issue.slot else "")
        for issue in issues[:MOST_ISSUES_TOLD]
    )
    left = len(issues) - MOST_ISSUES_TOLD
    return f"{detail} {told}" + (f"; and {left} more." if left > 0 else "")
