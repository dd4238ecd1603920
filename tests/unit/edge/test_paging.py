"""Pages: cursors that nobody can bend, and counts that agree with what is shown."""

import base64

import pytest

from domain.errors import InvalidInput
from packshot.edge.forms import read_form
from packshot.edge.paging import (
    MOST_COUNTED,
    Cursor,
    PageAnswer,
    PageForm,
    Total,
    page_of,
)

ROWS = list(range(1, 46))


def page(values: dict[str, object]) -> tuple[list[int], PageAnswer]:
    """A page of the numbers 1 to 45, as an endpoint makes it."""
    form = read_form(PageForm, values)
    after = 0 if form.after is None else int(form.after)
    rows = [row for row in ROWS if row > after][: form.limit + 1]
    shown, told = page_of(rows, form, total=Total(len(ROWS)), place=str)
    return list(shown), told


def test_following_the_cursors_shows_every_row_once_and_counts_them() -> None:
    seen: list[int] = []
    told: list[tuple[int, int]] = []
    cursor: str | None = ""
    while cursor is not None:
        rows, answer = page({"cursor": cursor})
        seen += rows
        told.append((answer.from_, answer.to))
        cursor = answer.next_cursor

    assert seen == ROWS
    assert told == [(1, 20), (21, 40), (41, 45)]


def test_a_last_page_that_is_full_has_no_next_one() -> None:
    rows, answer = page({"limit": "45"})

    assert (len(rows), answer.next_cursor) == (45, None)


def test_an_empty_list_is_from_0_to_0_of_0() -> None:
    _, answer = page_of([], read_form(PageForm, {}), total=Total(0), place=str)

    assert answer.model_dump() == {"from": 0, "to": 0, "total": 0, "nextCursor": None}


def test_a_total_that_stopped_counting_says_so() -> None:
    total = Total.counted(MOST_COUNTED + 1)
    _, answer = page_of([1], read_form(PageForm, {}), total=total, place=str)

    assert answer.model_dump() == {
        "from": 1, "to": 1, "total": MOST_COUNTED, "nextCursor": None, "totalIsLowerBound": True,
    }  # fmt: skip


def test_a_total_is_never_less_than_what_is_shown() -> None:
    _, answer = page_of([1, 2], read_form(PageForm, {}), total=Total(1), place=str)

    assert answer.total == 2


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1e9", "inf"])
def test_a_limit_outside_1_to_200_is_refused(limit: str) -> None:
    with pytest.raises(InvalidInput, match="limit must be from 1 to 200") as refused:
        read_form(PageForm, {"limit": limit})

    assert refused.value.code == "limit_out_of_range"


def forged(json: bytes) -> str:
    return base64.urlsafe_b64encode(json).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "né",
        "====",
        "A" * 10_000,
        forged(b"{}"),
        forged(b'["1"]'),
        forged(b'["1",0]'),
        forged(b'["1",true]'),
        forged(b'["1",99999999999999999]'),
        forged(b'[1,"1"]'),
        forged(b"[" * 200),
        7,
    ],
)
def test_what_no_page_gave_is_no_cursor(cursor: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_form(PageForm, {"cursor": cursor})

    assert (refused.value.code, refused.value.param) == ("invalid_parameter", "cursor")


def test_a_cursor_is_read_back_as_it_was_made() -> None:
    cursor = Cursor("job_01arz3ndektsv4rrffq69g5fav", 20)

    assert Cursor.parse(str(cursor)) == cursor
