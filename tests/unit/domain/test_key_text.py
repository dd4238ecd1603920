import string

import pytest

from domain.key_text import KeyText


def test_a_made_key_is_read_back_with_its_environment_and_kid() -> None:
    made = KeyText.make("live")

    assert KeyText.parse(made.text) == made
    assert made.prefix == made.text[:19]
    assert len(made.text) == len("pshot_live_") + 8 + 1 + 32 + 6


def test_two_keys_are_never_alike() -> None:
    assert len({KeyText.make("live").text for _ in range(1000)}) == 1000


def test_every_key_with_one_character_changed_is_refused() -> None:
    text = KeyText.make("test").text

    accepted = []
    for place, old in enumerate(text):
        for new in string.ascii_letters + string.digits + "_- é":
            changed = text[:place] + new + text[place + 1 :]
            if new != old and _is_a_key(changed):
                accepted.append(changed)

    assert accepted == []


@pytest.mark.parametrize(
    "text", ["", "pshot_live_", "sk_live_1", "pshot_live_" + "A" * 200, "\x00"]
)
def test_other_texts_are_refused(text: str) -> None:
    assert not _is_a_key(text)


def test_a_key_shows_no_secret_when_it_is_printed() -> None:
    made = KeyText.make("live")

    assert made.text[20:] not in repr(made)


def _is_a_key(text: str) -> bool:
    try:
        KeyText.parse(text)
    except ValueError:
        return False
    return True
