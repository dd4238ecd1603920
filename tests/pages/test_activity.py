"""The page of activity: a sentence for each event, filters, and the facts behind each."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.server import RunningApi
from domain.ids import JobId, PublishId
from domain.roles import SCOPES, Role
from domain.scopes import Scope
from follow import follow_everything
from packshot.commands.api_keys import NewKey
from packshot.commands.organizations import Created
from packshot.store.pool import open_projector_pool
from packshot.wiring import Services
from pages.conftest import Http, Opener, SignedIn, apart, join, with_services
from pages.looking import assert_sound, keep_picture
from pages.test_keys import HOSTILE, context_of, many_keys
from projections.activity import stream_of

pytestmark = pytest.mark.browser


@pytest.fixture
def history(api: RunningApi, owner: SignedIn) -> None:
    """Keys of every status, and everything told in the feed."""
    many_keys(api, owner)

    async def follow() -> None:
        async with open_projector_pool(api.settings.projector_database_url, size=1) as pool:
            await follow_everything(pool)

    apart(follow())


@pytest.mark.usefixtures("history")
def test_events_are_told_with_names_and_open_to_their_facts(
    open_page: Opener,
    api: RunningApi,
    owner: SignedIn,
    pictures_folder: Path | None,
) -> None:

    watched = open_page("/activity")
    page = watched.page
    first = page.locator(".told details").first
    assert "The API key “Old mobile app” was revoked." in first.inner_text()
    assert "by Mara Oduya" in first.inner_text()
    first.locator("summary").click()
    expect(first.locator("pre")).to_contain_text('"reason": "no longer used"')
    assert HOSTILE in page.locator(".told").first.inner_text()

    keep_picture(watched, pictures_folder, "activity")
    assert_sound(watched)


@pytest.mark.usefixtures("history")
def test_filters_stand_in_the_address(
    open_page: Opener,
    api: RunningApi,
    owner: SignedIn,
    pictures_folder: Path | None,
) -> None:
    watched = open_page("/activity")
    page = watched.page

    page.get_by_label("Type").select_option("key.rotated")
    page.wait_for_url("**/activity?type=key.rotated")
    expect(page.locator(".told details")).to_have_count(1)
    page.get_by_label("Actor").select_option("Mara Oduya")
    page.wait_for_url("**/activity?type=key.rotated&actor=usr_*")
    expect(page.locator(".told details")).to_have_count(1)
    page.locator(".told summary").click()
    page.get_by_role("link", name="Only what happened to this key").click()
    expect(page.locator(".told details")).to_have_count(2)
    keep_picture(watched, pictures_folder, "activity-subject")
    assert_sound(watched)
    page.goto(f"{watched.base_url}/activity?type=job.failed")
    expect(page.get_by_text("Nothing of this kind happened.")).to_be_visible()
    expect(page.get_by_text("Showing 0-0 of 0")).to_be_visible()
    assert_sound(watched)


@pytest.mark.usefixtures("history")
def test_the_feed_comes_in_pages(api: RunningApi, http: Http, owner: SignedIn) -> None:

    first = http.get("/activity?limit=3").text
    following = re.search(r'href="(/activity\?[^"]+)" rel="next"', first)

    assert re.search(r"Showing 1-3 of \d+<", first)
    assert following is not None
    assert re.search(r"Showing 4-6 of \d+<", http.get(following[1] + "&limit=3").text)


def test_the_chain_is_told_with_its_signed_head(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    page = http.get("/activity").text

    head = with_services(api, lambda services: services.trail.head(owner.org_id))
    copied = re.search(r'data-copy="(\d+)\.([0-9a-f]{64})\.', page)
    assert copied is not None
    assert copied.groups() == (str(head.position), head.hash.hex())


def test_what_is_kept_of_a_secret_is_not_shown(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    async def make(services: Services) -> int:
        wanted = NewKey("Till", "live", (Scope.FILES_READ,), None)
        granted = SCOPES[Role.OWNER]
        created = await services.api_keys.create(context_of(owner), wanted, granted=granted)
        assert created.head is not None
        return created.head.position

    facts = http.get(f"/activity/{with_services(api, make)}").text

    assert "files:read" in facts
    assert "mac" not in facts.partition("<main")[2]


def test_events_of_another_organization_are_not_there(
    api: RunningApi, globex: Created, http: Http
) -> None:
    stranger = Http(api.base_url, join(api, globex.org_id, Role.OWNER, name="Stranger"))
    far = stranger.get("/activity/1")

    assert "Globex" in far.text
    assert "Globex" not in http.get("/activity/1").text
    for position in ("0", "99999", "-1", "x", "9" * 30):
        assert http.get(f"/activity/{position}").status_code == 404
    assert "Stranger" not in http.get("/activity").text
    assert Http(api.base_url, None).get("/activity").status_code == 303


def test_a_subject_is_found_by_the_id_of_any_kind() -> None:
    job, publish = JobId.new(), PublishId.new()

    assert stream_of(str(job)) == job.uuid
    assert stream_of(str(publish)) == publish.uuid
    assert stream_of("job_x") is None


@pytest.mark.usefixtures("history")
def test_the_feed_is_shown_as_it_stood(open_page: Opener, owner: SignedIn) -> None:
    watched = open_page("/activity?asOf=2&type=")
    page = watched.page
    assert "This is how it stood at event 2." in page.locator("[role=status]").first.inner_text()
    expect(page.locator(".told details")).to_have_count(2)
    page.get_by_role("link", name="Back to today").click()
    expect(page.locator(".told details")).not_to_have_count(2)

    page.get_by_label("As of (UTC)").fill("2001-01-01T00:00:00")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("Nothing had happened yet.")).to_be_visible()
    assert page.get_by_label("As of (UTC)").input_value().startswith("2001-01-01T00:00")
    assert_sound(watched)


def test_a_point_that_lies_ahead_is_refused_on_the_page(http: Http) -> None:
    answer = http.get("/activity?asOf=2999-01-01T00:00")

    assert answer.status_code == 422
    assert "lies ahead" in answer.text
