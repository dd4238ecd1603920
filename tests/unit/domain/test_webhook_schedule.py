"""The schedule of retries: as published, jittered, and patient with who asks for it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import pytest

from domain.webhook_schedule import MOST_TRIES, WAITS, asked_wait, next_try

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def test_ten_tries_take_seventy_five_hours_and_thirty_five_minutes() -> None:
    at: datetime | None = AT
    tried = []
    for attempt in count(1):
        assert at is not None
        tried.append(at - AT)
        at = next_try(attempt, at=at, retry_after=None, spread=lambda _low, _high: 1.0)
        if at is None:
            break

    assert len(tried) == MOST_TRIES == 10
    assert tried[-1] == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize("attempt", range(1, MOST_TRIES))
def test_every_wait_is_jittered_by_a_fifth_at_most(attempt: int) -> None:
    random = Random(attempt)
    waits = [
        (next_try(attempt, at=AT, retry_after=None, spread=random.uniform) or AT) - AT
        for _ in range(200)
    ]

    usual = WAITS[attempt - 1]
    assert min(waits) >= usual * 0.8
    assert max(waits) <= usual * 1.2
    assert len(set(waits)) > 100


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, timedelta()),
        ("", timedelta()),
        ("0", timedelta()),
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("86400", DAY),
        ("86401", DAY),
        ("9" * 5000, DAY),
        ("-5", timedelta()),
        ("1.5", timedelta()),
        ("٣", timedelta()),
        ("soon", timedelta()),
        ("Sun, 22 Nov 2026 12:30:00 GMT", timedelta(minutes=30)),
        ("Sun, 22 Nov 2026 12:30:00 -0000", timedelta(minutes=30)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", timedelta()),
        ("Sun, 22 Nov 2099 12:30:00 GMT", DAY),
        ("Sun, 99 Nov 2026 12:30:00 GMT", timedelta()),
        ("Sun, 22 Nov 99999 12:30:00 GMT", timedelta()),
    ],
)
def test_a_retry_after_is_read_as_rfc_9110_says(header: str | None, wait: timedelta) -> None:
    assert asked_wait(header, at=AT) == wait


def test_a_retry_after_never_shortens_a_wait_nor_adds_a_try() -> None:
    assert next_try(5, at=AT, retry_after="1", spread=lambda low, _high: low) == AT + 0.8 * WAITS[4]
    assert next_try(MOST_TRIES, at=AT, retry_after="60") is None
