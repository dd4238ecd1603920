"""Whatever a shop does, a caller reads one of three codes."""

import pytest

from integrations.channel import (
    AuthExpired,
    ChannelError,
    Issue,
    OutcomeUnknown,
    PermissionMissing,
    Rejected,
    RemoteConflict,
    Throttled,
    Transient,
    Unreadable,
    Vanished,
)
from integrations.channel_errors import refusal_of_channel

EACH = [
    (AuthExpired("No."), "channel_rejected", False),
    (PermissionMissing("No."), "channel_rejected", False),
    (Vanished("No."), "channel_rejected", False),
    (Rejected("No."), "channel_rejected", False),
    (RemoteConflict("No."), "publish_drifted", False),
    (Throttled("No.", retry_after=7), "channel_unreachable", True),
    (Transient("No."), "channel_unreachable", True),
    (Unreadable("No."), "channel_unreachable", True),
    (OutcomeUnknown("No."), "channel_unreachable", True),
]


@pytest.mark.parametrize(("error", "code", "retryable"), EACH)
def test_each_failure_has_a_code_and_whether_it_may_pass(
    error: ChannelError, code: str, retryable: bool
) -> None:
    refusal = refusal_of_channel(error)

    assert (refusal.code, refusal.retryable, refusal.detail) == (code, retryable, "No.")


def test_a_throttled_caller_is_told_when_to_come_back() -> None:
    refusal = refusal_of_channel(Throttled("Too many.", retry_after=7.4))

    assert refusal.headers == {"retry-after": "7"}


def test_what_the_shop_has_against_it_is_told_in_its_own_words() -> None:
    issues = [Issue(f"c{n}", "Too dark", "main") for n in range(7)]

    detail = refusal_of_channel(Rejected("The shop refused it.", issues=issues)).detail

    assert detail.startswith("The shop refused it. c0: Too dark (main); c1:")
    assert detail.endswith("and 2 more.")
