"""A point in time as a field: read in UTC, and refused where nothing could be done with it."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic_core import PydanticCustomError

from domain.ids import JobId
from packshot.edge.moments import Moment


@pytest.mark.parametrize(
    "text", ["1970-01-01T00:00:00Z", "2026-11-22T19:00:00.5+01:00", "9999-12-31T23:59:59Z"]
)
def test_a_time_that_is_read_is_one_that_ids_can_be_compared_with(text: str) -> None:
    moment = Moment().read(text)

    assert moment.tzinfo is UTC
    assert moment == datetime.fromisoformat(text)
    assert JobId.earliest(moment) < JobId.earliest(datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59Z",  # ids count from 1970
        "0001-01-01T00:00:00+05:00",  # in UTC a year before the first
        "9999-12-31T23:59:59-01:00",  # and one after the last
        "2026-11-22T18:00:00",
        "2026-11-22",
        "yesterday",
        "",
    ],
)
def test_a_time_of_no_use_is_refused_in_words(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="must be a time from 1970 to 9999"):
        Moment().read(text)


def test_a_time_too_far_ahead_is_told_how_far_it_may_be() -> None:
    with pytest.raises(PydanticCustomError, match="at most 30 days ahead") as refused:
        Moment(timedelta(days=30)).read("9999-01-01T00:00:00Z")

    assert (refused.value.context or {})["fix"] == "Use a time within the next 30 days."
