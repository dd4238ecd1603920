"""The frame around every page: sound everywhere, and for people who are signed in only."""

from pathlib import Path

import pytest

from pages.conftest import Http, Opener, SignedIn
from pages.looking import assert_sound, keep_picture

pytestmark = pytest.mark.browser


def test_a_page_that_is_not_there_is_told_inside_the_frame(
    open_page: Opener, pictures_folder: Path | None
) -> None:
    watched = open_page("/nothing-here")

    assert watched.page.text_content("h1") == "Not found"
    assert "openapi" not in watched.page.locator("main").inner_text()  # that is for programs
    keep_picture(watched, pictures_folder, "not-found")
    assert_sound(watched)


def test_signing_in_is_sound(open_page: Opener, pictures_folder: Path | None) -> None:
    watched = open_page("/sign-in", person=None)

    keep_picture(watched, pictures_folder, "sign-in")
    assert_sound(watched)


def test_who_is_not_signed_in_is_asked_to_and_comes_back(http: Http, owner: SignedIn) -> None:
    answer = Http(http.base_url, None).get("/")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in"
