"""What a call to a bridge came to when it was no answer: each a named error with a sentence."""

from collections.abc import Callable, Mapping

from integrations.bridge_messages import MEND, RefusalMessage, read_refusal
from integrations.channel import (
    AuthExpired,
    ChannelError,
    OutcomeUnknown,
    PermissionMissing,
    Rejected,
    RemoteConflict,
    Throttled,
    Transient,
    Unreadable,
    Vanished,
)
from integrations.http import Answered, OutboundFailed

RETRY_AFTER_S = 30.0
LONGEST_RETRY_AFTER_S = 3600.0
LEAST_REFUSAL, LEAST_FAULT = 400, 500

REASONS = {
    "timeout": "The bridge did not answer in time.",
    "refused_address": "The bridge's address is not called: it is private, local or reserved.",
    "unresolved": "The bridge's host has no address.",
    "connection_failed": "The bridge does not take connections, or broke this one.",
    "tls_failed": "The bridge's certificate does not prove its name, or it speaks no TLS.",
    "bad_response": "What the bridge answered is no complete HTTP response.",
    "too_large": "The bridge answered more than its protocol allows.",
    "encoded": "The bridge answered a compressed body although none was asked for.",
    "redirect": "The bridge answered a redirect, which is not followed.",
}
FIXES = {
    "redirect": "Connect the address that it leads to.",
    "tls_failed": "Mend the bridge's certificate.",
    "refused_address": "Use an address on the public internet, or have an operator allow this one "
    "with PACKSHOT_ALLOWED_PRIVATE_CIDRS.",
    "too_large": MEND,
}


def failure_of(failed: OutboundFailed, *, is_write: bool) -> ChannelError:
    """The error of a call that had no answer."""
    detail, fix = REASONS.get(failed.reason, REASONS["bad_response"]), FIXES.get(failed.reason)
    if is_write and failed.is_sent and failed.reason != "redirect":
        return OutcomeUnknown(f"{detail} It may have published all the same.", fix=fix)
    if failed.reason in {"too_large", "encoded"}:
        return Unreadable(detail, fix=fix)
    return Transient(detail, fix=fix)


def refused(answer: Answered, *, is_write: bool) -> ChannelError:
    """The error of an answer that is no 200."""
    said = read_refusal(answer.body)
    if answer.status in REFUSALS:
        return REFUSALS[answer.status](said)
    if answer.status in {429, 503}:
        return Throttled(
            f"The bridge asks for patience (HTTP {answer.status}){_words(said)}.",
            retry_after=_retry_after(answer.headers.get("retry-after", "")),
        )
    if LEAST_REFUSAL <= answer.status < LEAST_FAULT:
        return Rejected(f"The bridge refused the request (HTTP {answer.status}){_words(said)}.")
    detail = f"The bridge failed: it answered HTTP {answer.status}{_words(said)}."
    if is_write:
        return OutcomeUnknown(f"{detail} It may have published all the same.")
    return Transient(detail) if answer.status >= LEAST_FAULT else Unreadable(detail, fix=MEND)


def _not_accepted(said: RefusalMessage) -> AuthExpired:
    if said.code == "timestamp_out_of_tolerance":
        return AuthExpired(
            "The bridge's clock and ours differ by more than five minutes.",
            fix="Set the clock of the machine that is wrong.",
        )
    return AuthExpired(
        f"The bridge does not accept the secret{_words(said)}.",
        fix="Give the connection the bridge's secret of today.",
    )


def _not_there(said: RefusalMessage) -> ChannelError:
    if said.code in {"unknown_sku", "unknown_publish"}:
        return Vanished(
            f"The shop has no such listing{_words(said)}.", fix="Sync the catalog, and look again."
        )
    return Unreadable("There is no bridge at this address: it answers 404.", fix=MEND)


def _in_the_way(said: RefusalMessage) -> ChannelError:
    if said.code == "drifted":
        return RemoteConflict(
            "The listing changed since it was looked at.",
            fix="Look at it again, and publish from what it shows now.",
            digest=said.digest,
        )
    if said.code == "publish_pending":
        return Throttled(
            "The shop is still busy with another publish of this listing.",
            retry_after=RETRY_AFTER_S,
        )
    return Rejected(f"The bridge refused the request (HTTP 409){_words(said)}.")


def _not_allowed(said: RefusalMessage) -> PermissionMissing:
    return PermissionMissing(
        f"The bridge does not allow this{_words(said)}.", fix="Allow it in the bridge."
    )


def _not_wanted(said: RefusalMessage) -> Rejected:
    issues = [issue.as_issue() for issue in said.issues]
    if issues:
        return Rejected("The bridge refused pictures:", issues=issues)
    return Rejected(f"The bridge refused the request (HTTP 422){_words(said)}.")


def _words(said: RefusalMessage) -> str:
    """The bridge's own code and words, where it has any."""
    told = ": ".join(part for part in (said.code, said.message.rstrip(".")) if part)
    return f": {told}" if told else ""


def _retry_after(text: str) -> float:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):  # noqa: PLR2004 - eleven days
        return RETRY_AFTER_S
    return min(float(text), LONGEST_RETRY_AFTER_S)


REFUSALS: Mapping[int, Callable[[RefusalMessage], ChannelError]] = {
    401: _not_accepted,
    403: _not_allowed,
    404: _not_there,
    409: _in_the_way,
    422: _not_wanted,
}
