"""The pages of jobs: what there is, how far it is, and what can be done about it."""

from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from api.client import Client
from api.conftest import found
from api.server import RunningApi
from domain.roles import Role
from packshot.commands.organizations import Created
from pages.conftest import Http, Opener, SignedIn, join
from pages.looking import assert_sound, keep_picture
from pages.shopping import heads_of
from pictures import encoded, not_pictures

LONG = "a product number that is so long that no table has room for all of it, whatever it is"


@pytest.fixture
def client(api: RunningApi, acme: Created) -> Client:
    """A client with the key of Acme."""
    return Client(api.base_url, requests.Session(), acme.secret)


def asked(client: Client, content: bytes | None = None, **fields: str) -> str:
    """The id of a job for a small picture."""
    answer = client.post(
        "/api/v1/jobs",
        files={"image": content or encoded("JPEG")},
        data={"width": "120", "height": "90", **fields},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


def made_output(client: Client, **fields: str) -> str:
    """The id of an output that there is now."""
    answer = client.post(
        "/api/v1/process",
        files={"image": encoded("JPEG")},
        data={"width": "160", "height": "160", **fields},
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["output"]["outputId"])


def a_batch(client: Client) -> str:
    """A batch of three, one of which is at an address that nobody has."""
    output_id = made_output(client, sku="<b>MUG</b>")
    items = [{"outputId": output_id, "sku": f"SKU-{n}"} for n in range(2)]
    items.append({"imageUrl": "https://shop.invalid/mug.jpg", "sku": LONG})
    answer = client.post("/api/v1/jobs", json={"items": items, "width": 90, "height": 90})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


@pytest.mark.browser
def test_the_pages_of_jobs_are_sound(
    open_page: Opener,
    client: Client,
    workers: None,
    pictures_folder: Path | None,
) -> None:
    watched = open_page("/jobs")
    expect(watched.page.get_by_text("No jobs yet.")).to_be_visible()
    keep_picture(watched, pictures_folder, "jobs-empty")
    assert_sound(watched)

    batch_id = a_batch(client)
    failed_id = asked(client, not_pictures()["text"], sku=LONG)
    client.get(f"/api/v1/jobs/{failed_id}?wait=20")
    done_id = asked(client)
    client.get(f"/api/v1/jobs/{done_id}?wait=20")
    watched.go("/jobs")
    keep_picture(watched, pictures_folder, "jobs")
    assert_sound(watched)
    for name, job_id in (("batch", batch_id), ("failed", failed_id), ("done", done_id)):
        watched.go(f"/jobs/{job_id}")
        keep_picture(watched, pictures_folder, f"job-{name}")
        assert_sound(watched)
    watched.go("/jobs?status=cancelled")
    expect(watched.page.get_by_text("No job is cancelled.")).to_be_visible()
    assert_sound(watched)


@pytest.mark.browser
def test_a_job_is_followed_to_its_end_and_then_asked_about_no_more(
    open_page: Opener, client: Client, api: RunningApi, workers: None
) -> None:
    watched = open_page("/jobs")
    page = watched.page
    batch_id = a_batch(client)  # its last item is tried again and again: it goes on for long
    watched.go(f"/jobs/{batch_id}")
    expect(page.locator(".line")).to_contain_text("2 of 3", timeout=30_000)

    page.route("**/jobs/**", lambda route: route.abort())
    expect(page.locator("#live-trouble")).to_be_visible(timeout=30_000)
    page.unroute("**/jobs/**")
    expect(page.locator("#live-trouble")).to_be_hidden(timeout=30_000)

    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".line")).to_contain_text("Cancelled")
    expect(page.locator("[data-going-on]")).to_have_count(0)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_what_was_asked_is_told_with_its_units(http: Http, client: Client) -> None:
    job_id = asked(client, margin="0.075", marginTop="12px", priority="0")

    told = http.get(f"/jobs/{job_id}").text

    for name, value in (("Width", "120 px"), ("Height", "90 px"), ("Format", "JPEG")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in told
    assert "top 12px" in told
    assert "left 7.5%" in told


def test_a_change_that_comes_too_late_is_told_in_place(
    http: Http, client: Client, workers: None
) -> None:
    job_id = asked(client)
    client.get(f"/api/v1/jobs/{job_id}?wait=20")

    cancelled = http.post(f"/jobs/{job_id}/cancel")
    retried = http.post(f"/jobs/{job_id}/retry")

    assert cancelled.status_code == 409
    assert retried.status_code == 409
    assert 'role="alert"' in cancelled.text
    assert "What happened" in cancelled.text


def test_a_job_is_cancelled_and_asked_for_again(http: Http, client: Client) -> None:
    job_id = asked(client, priority="1")

    cancelled = http.post(f"/jobs/{job_id}/cancel")
    after_that = http.get(f"/jobs/{job_id}").text
    retried = http.post(f"/jobs/{job_id}/retry")

    assert (cancelled.status_code, cancelled.headers["location"]) == (303, f"/jobs/{job_id}")
    assert "The job was cancelled." in after_that
    assert "Mara Oduya" in after_that
    assert retried.status_code == 303
    assert "The job was asked for again." in http.get(f"/jobs/{job_id}").text


def test_the_list_is_filtered_and_paged_by_its_address(http: Http, client: Client) -> None:
    ids = [asked(client, sku=f"SKU-{n}", priority="0") for n in range(3)]
    http.post(f"/jobs/{ids[0]}/cancel")

    first = http.get("/jobs?limit=2").text
    cancelled = http.get("/jobs?status=cancelled").text
    following = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = http.get(following.replace("&amp;", "&") + "&limit=2").text

    assert "Showing 1-2 of 3" in first
    assert heads_of(first) == ["Picture", "Job", "Status", "Asked by", "Asked", "Took"]
    assert first.count("<td") == 2 * 6
    assert "SKU-2" in first
    assert "SKU-0" not in first
    assert "Showing 3-3 of 3" in second
    assert "SKU-0" in second
    assert "Showing 1-1 of 1" in cancelled
    assert http.get("/jobs?status=lost").status_code == 422
    assert http.get("/jobs?cursor=nonsense").status_code == 422


def test_a_part_is_told_alone_to_who_asks_for_it(http: Http, client: Client) -> None:
    job_id = asked(client, sku="<i>x</i>", priority="0")

    for path in ("/jobs", f"/jobs/{job_id}"):
        part = http.get(path, headers={"hx-request": "true"})
        assert "<html" not in part.text
        assert "data-going-on" in part.text
        assert "&lt;i&gt;x&lt;/i&gt;" in part.text
        assert "<i>x</i>" not in part.text


def test_jobs_are_those_of_the_organization_and_changed_by_members(
    http: Http, client: Client, api: RunningApi, acme: Created
) -> None:
    job_id = asked(client, priority="0")
    looker = Http(api.base_url, join(api, acme.org_id, Role.VIEWER))
    stranger = Http(api.base_url, join(api, found(api.settings, "Globex").org_id, Role.OWNER))

    assert job_id not in stranger.get("/jobs").text
    for path in (f"/jobs/{job_id}", "/jobs/job_nothing"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"/jobs/{job_id}/cancel").status_code == 404
    assert looker.get(f"/jobs/{job_id}").status_code == 200
    assert "/cancel" not in looker.get(f"/jobs/{job_id}").text
    assert looker.post(f"/jobs/{job_id}/cancel").status_code == 403
    foreign = http.post(f"/jobs/{job_id}/cancel", headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    no_token = http.post(f"/jobs/{job_id}/cancel", headers={"x-page-token": None})
    assert no_token.status_code == 403


def test_who_asked_is_named_also_when_it_was_a_person(http: Http, owner: SignedIn) -> None:
    made = http.post(
        "/studio/render",
        files={"image": encoded("JPEG")},
        data={"width": "99", "height": "99"},
    )
    assert made.status_code == 200

    assert "Mara Oduya" in http.get("/jobs").text
