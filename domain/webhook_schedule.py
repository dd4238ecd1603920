"""When a webhook that failed is tried again, and when no more.

Ten tries over 75 hours and 35 minutes: the schedule that Standard Webhooks 1.0.0 publishes as an
example, with the jitter it asks for (https://github.com/standard-webhooks/standard-webhooks/blob/
main/spec/standard-webhooks.md, "Retry schedule").
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import uniform

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MOST_TRIES = len(WAITS) + 1
JITTER = 0.2
# A receiver may ask for patience, but not for so much that its event is stale.
LONGEST_RETRY_AFTER = timedelta(hours=24)

Spread = Callable[[float, float], float]
"""A random number between two; tests bring their own."""


def next_try(
    attempt: int, *, at: datetime, retry_after: str | None, spread: Spread = uniform
) -> datetime | None:
    """When to try again after try number ``attempt`` failed at that time; None: not any more.

    ``retry_after`` is what the receiver's header of that name said.
    """
    if attempt >= MOST_TRIES:
        return None
    wait = WAITS[attempt - 1] * spread(1 - JITTER, 1 + JITTER)
    return at + max(wait, asked_wait(retry_after, at=at))


def asked_wait(retry_after: str | None, *, at: datetime) -> timedelta:
    """The wait that a Retry-After header asks for (RFC 9110, 10.2.3), 24 hours at the most.

    Zero for none, for a time that has passed and for nonsense.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        # Compared as text first: a number of a thousand digits is no timedelta.
        asked = timedelta(seconds=int(text)) if len(text) <= len("86400") else LONGEST_RETRY_AFTER
    else:
        asked = _until(text, at)
    return min(max(asked, timedelta()), LONGEST_RETRY_AFTER)


def _until(date: str, at: datetime) -> timedelta:
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return timedelta()
    return (then if then.tzinfo else then.replace(tzinfo=UTC)) - at
