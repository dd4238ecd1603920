"""The end of an API key: what is to be said of a key at a time, and when its end is announced."""

from datetime import datetime, timedelta
from math import ceil
from typing import Literal

Status = Literal["active", "expiring", "rotating", "expired", "revoked"]

# From so long before its end a key's status warns of it.
EXPIRING_WITHIN = timedelta(days=14)
# Notices come so long before the end, and at it: who made a key for less than that knows of it.
NOTICES = (EXPIRING_WITHIN, timedelta(days=3), timedelta())


def status_of(
    at: datetime,
    *,
    expires_at: datetime | None,
    revoked_at: datetime | None,
    former_until: datetime | None = None,
) -> Status:
    """What is to be said of a key at that time, the gravest first."""
    if revoked_at is not None:
        return "revoked"
    if expires_at is not None and expires_at <= at:
        return "expired"
    if former_until is not None and former_until > at:
        return "rotating"
    if expires_at is not None and expires_at <= at + EXPIRING_WITHIN:
        return "expiring"
    return "active"


def next_notice(expires_at: datetime | None, *, after: datetime) -> datetime | None:
    """When a key that ends then is next to be told of, after that time; None when never again."""
    if expires_at is None:
        return None
    return next((at for at in (expires_at - before for before in NOTICES) if at > after), None)


def notice_after(expires_at: datetime, told_days: int) -> datetime | None:
    """When a key is next to be told of, after a notice that said so many days."""
    return next_notice(expires_at, after=expires_at - timedelta(days=told_days))


def days_left(expires_at: datetime, at: datetime) -> int:
    """The days from that time to the end, a begun one counted as whole."""
    return ceil((expires_at - at) / timedelta(days=1))
