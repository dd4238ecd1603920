from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.listing import SLOTS, Image, Target, shows, wanted_list

NEW: Image = {"remote_id": None, "sha256": "f" * 64, "slot": "main", "alt": "Mug"}


def listing(count: int, *, slots: tuple[str, ...] = SLOTS) -> list[Image]:
    """A listing of so many pictures, called a, b, c in order."""
    return [
        {"remote_id": name, "sha256": name * 64, "slot": slot, "alt": f"{name}!"}
        for name, slot in zip("abcdefghi"[:count], slots, strict=False)
    ]


def told(images: list[Image]) -> list[tuple[str, str]]:
    return [(one["slot"], one["remote_id"] or "new") for one in images]


@pytest.mark.parametrize(
    ("mode", "target", "expected"),
    [
        ("replace", {}, [("main", "new"), ("pt01", "b")]),
        ("replace", {"slot": "pt01"}, [("main", "a"), ("pt01", "new")]),
        ("replace", {"slot": "pt05"}, [("main", "a"), ("pt01", "b"), ("pt05", "new")]),
        ("replace", {"position": 2}, [("main", "a"), ("pt01", "new")]),
        ("replace", {"position": 3}, [("main", "a"), ("pt01", "b"), ("pt02", "new")]),
        ("append", {}, [("main", "a"), ("pt01", "b"), ("pt02", "new")]),
        ("prepend", {}, [("main", "new"), ("pt01", "a"), ("pt02", "b")]),
    ],
)
def test_a_picture_comes_to_its_place_and_the_others_stay_in_order(
    mode: Any, target: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    wanted = wanted_list(listing(2), NEW, target=Target(sku="MUG", **target), mode=mode)

    assert told(wanted) == expected


def test_a_listing_without_a_picture_gets_its_first_one() -> None:
    assert told(wanted_list([], NEW, target=Target(sku="MUG"), mode="replace")) == [("main", "new")]


def test_a_new_picture_keeps_the_words_of_the_one_it_replaces() -> None:
    (first, _) = wanted_list(listing(2), NEW, target=Target(sku="MUG"), mode="replace")
    (fresh, *_) = wanted_list(listing(2), NEW, target=Target(sku="MUG"), mode="prepend")

    assert (first["alt"], fresh["alt"]) == ("a!", "Mug")


def test_the_words_of_a_picture_that_the_shop_has_are_its_own() -> None:
    known = {**NEW, "remote_id": "img_9", "alt": "Its own"}

    (first, _) = wanted_list(listing(2), known, target=Target(sku="MUG"), mode="replace")

    assert first["alt"] == "Its own"


@pytest.mark.parametrize("mode", ["append", "prepend"])
def test_a_full_listing_takes_no_more_pictures(mode: Any) -> None:
    with pytest.raises(InvalidInput, match="all that it can hold"):
        wanted_list(listing(9), NEW, target=Target(sku="MUG"), mode=mode)


def test_a_position_behind_a_gap_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        wanted_list(listing(2), NEW, target=Target(sku="MUG", position=5), mode="replace")

    assert refused.value.allowed == {"min": 1, "max": 3}


def test_a_listing_shows_a_list_when_slots_order_and_pictures_are_the_same() -> None:
    now = listing(3)
    new = {**now[0], "remote_id": None}

    assert shows(now, now)
    assert shows(now, [new, *now[1:]])
    assert not shows(now, now[:2])
    assert not shows(now, [now[1], now[0], now[2]])
    assert not shows(now, [{**new, "sha256": "0" * 64}, *now[1:]])
    assert not shows(now, [{**now[0], "slot": "pt07"}, *now[1:]])
    assert not shows(listing(3, slots=("main", "pt02", "pt03")), now)


def test_bytes_that_neither_side_tells_are_not_the_same() -> None:
    unknown = [{**listing(1)[0], "sha256": None}]
    wanted = [{**unknown[0], "remote_id": None}]

    assert not shows(unknown, wanted)
