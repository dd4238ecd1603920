"""Days, lists of words and flags, as requests write them."""

from datetime import date
from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from packshot.edge.fields import Truth
from packshot.edge.lists import WordList
from packshot.edge.moments import Day


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2027-01-31", date(2027, 1, 31)),
        (" 2027-01-31 ", date(2027, 1, 31)),
        ("2027-01-31T23:59:59Z", date(2027, 1, 31)),
        ("2027-01-31T23:30:00-01:00", date(2027, 2, 1)),
    ],
)
def test_a_day_is_a_date_or_the_day_in_utc_of_a_time(written: str, day: date) -> None:
    assert Day().read(written) == day


@pytest.mark.parametrize(
    "written",
    ["", "soon", "2027-02-30", "2027-1-1", "20270131", "2027-W04-7", "2027-01-31T00:00", 20270131,
     None, True, "2027-01-31" * 9],
)  # fmt: skip
def test_what_is_no_day_is_refused(written: Any) -> None:
    with pytest.raises(PydanticCustomError, match="must be a day"):
        Day().read(written)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" B , a ", ("b", "a")),
        (["a", "b"], ("a", "b")),
        (["a,b", "c"], ("a", "b", "c")),
        ("a,a", ("a",)),
    ],
)
def test_words_are_read_once_each_in_their_order(written: Any, words: tuple[str, ...]) -> None:
    assert WordList(("a", "b", "c")).read(written) == words


@pytest.mark.parametrize("written", ["", "d", "a,,b", [], [1], 7, None, "a," * 60])
def test_what_is_no_list_of_known_words_is_refused(written: Any) -> None:
    with pytest.raises(PydanticCustomError):
        WordList(("a", "b", "c")).read(written)


@pytest.mark.parametrize(
    ("written", "flag"),
    [(True, True), ("true", True), ("TRUE", True), (1, True), (False, False), ("0", False)],
)
def test_a_flag_is_true_or_false(written: Any, flag: bool) -> None:
    assert Truth().read(written) is flag


@pytest.mark.parametrize("written", [2, -1, "yes", "", None, []])
def test_anything_else_is_no_flag(written: Any) -> None:
    with pytest.raises(PydanticCustomError, match="must be true or false"):
        Truth().read(written)
