"""The card of usage on the page of API access: what was made, by whom, and who may see it."""

import pytest
import requests
from playwright.sync_api import expect

from api.client import Client
from api.photos import red_box
from api.projecting import running_projector
from api.server import RunningApi
from packshot.commands.organizations import Created
from pages.conftest import Opener
from pages.looking import assert_sound

pytestmark = pytest.mark.browser


def test_an_organization_that_has_used_nothing_is_told_so(open_page: Opener) -> None:
    watched = open_page("/api-access")

    card = watched.page.locator(".usage")
    expect(card.get_by_role("heading", name="Usage", exact=True)).to_be_visible()
    expect(card).to_contain_text("Nothing used yet")
    assert_sound(watched)


def test_what_a_key_had_made_stands_in_its_row(
    open_page: Opener, api: RunningApi, acme: Created
) -> None:
    client = Client(api.base_url, requests.Session(), acme.secret)
    with running_projector(api.settings):
        for _ in range(2):
            made = client.post(
                "/api/v1/process", files={"image": red_box()}, data={"width": "64", "height": "64"}
            )
        position = made.headers["x-log-position"]
        told = client.get("/api/v1/usage", headers={"x-min-position": position})
        assert told.status_code == 200, told.text

    watched = open_page("/api-access")

    card = watched.page.locator(".usage")
    figures = card.locator("dl > div")
    assert [text.split("\n")[-1] for text in figures.all_inner_texts()] == ["1", "1", "0", "0"]
    assert card.locator("tbody tr td").all_inner_texts() == ["First key", "2", "1", "0", "0"]
    assert_sound(watched)
