"""The page of API access: every endpoint tried with a key, and code that does the same."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.photos import red_box
from api.server import RunningApi
from domain.roles import Role
from domain.scopes import SCOPE_SETS
from packshot.commands.organizations import Created
from pages.conftest import Http, Opener, SignedIn, join
from pages.looking import assert_sound, keep_picture
from pages.test_keys import make_key

pytestmark = pytest.mark.browser

HINT = (
    "Key auth is used when this field is filled. "
    "If empty, tester falls back to legacy public endpoints."
)


def send(page: Page) -> None:
    """Send, and return when an answer is there."""
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[data-answer]")).to_be_visible()
    expect(page.locator("[data-stop]")).to_be_hidden()


def secret_of(api: RunningApi, owner: SignedIn) -> str:
    made = make_key(api, owner, "Tester", scopes=SCOPE_SETS["everything"])
    assert made.secret is not None
    return made.secret


def test_a_picture_is_processed_and_its_answer_shown(
    open_page: Opener,
    api: RunningApi,
    owner: SignedIn,
    pictures_folder: Path | None,
) -> None:
    secret = secret_of(api, owner)
    watched = open_page("/api-access")
    page = watched.page
    assert HINT in page.locator("main").inner_text()
    assert api.base_url in page.locator(".connection").inner_text()
    assert "YOUR_API_KEY" in page.locator("#code").inner_text()

    page.get_by_label("API key").fill(secret)
    page.locator("input[type=file]").set_input_files(
        {"name": "box.png", "mimeType": "image/png", "buffer": red_box()}
    )
    page.locator("[data-name=width]").fill("64")
    page.locator("[data-name=height]").fill("64")
    send(page)

    answer = page.locator("[data-answer]")
    expect(answer.locator("[data-status]")).to_contain_text("200")
    for told in ("x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", '"outputId"'):
        expect(answer).to_contain_text(told)
    code = page.locator("#code").inner_text()
    assert "-F 'image=@box.png'" in code
    assert f"x-api-key: {secret}" in code
    assert secret not in page.url
    keep_picture(watched, pictures_folder, "api-access")
    assert_sound(watched)
    page.locator("[data-name=margin]").fill("0.9")
    send(page)
    expect(answer.locator(".alert")).to_contain_text("margin")
    link = answer.get_by_role("link", name="About margin_out_of_range")
    assert link.get_attribute("href") == "/docs/errors/margin_out_of_range"
    keep_picture(watched, pictures_folder, "api-access-problem")
    assert_sound(watched)


def test_the_key_stays_while_endpoints_change_and_is_kept_nowhere(
    open_page: Opener, api: RunningApi, owner: SignedIn, pictures_folder: Path | None
) -> None:
    secret = secret_of(api, owner)
    watched = open_page("/api-access")
    page = watched.page
    page.get_by_label("API key").fill(secret)
    page.locator("[data-endpoint=findKey]").click()
    page.wait_for_url("**/api-access?endpoint=findKey")
    expect(page.get_by_text("Fill in keyId first.")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.locator("[data-endpoint=createKey]").click()
    page.locator("[data-name=name]").fill("Made <here>")
    page.locator("[data-name=scopeSet]").select_option("read only")
    send(page)
    answer = page.locator("[data-answer]")
    expect(answer.locator("[data-status]")).to_contain_text("201")
    expect(answer).to_contain_text("Made <here>")
    keep_picture(watched, pictures_folder, "api-access-json")
    kept = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
    assert secret not in page.evaluate(kept)
    page.get_by_label("Find an endpoint").fill("whoami")
    expect(page.locator("[data-endpoint]:visible")).to_have_count(1)
    page.reload()
    assert page.get_by_label("API key").input_value() == ""
    assert watched.complaints == []


def test_an_image_and_events_are_shown_and_trouble_is_told(
    open_page: Opener, api: RunningApi, owner: SignedIn
) -> None:
    watched = open_page("/api-access")
    page = watched.page
    page.get_by_label("API key").fill(secret_of(api, owner))
    page.locator("input[type=file]").set_input_files(
        {"name": "box.png", "mimeType": "image/png", "buffer": red_box()}
    )
    page.locator("[data-name=width]").fill("64")
    page.locator("[data-accept]").select_option("image/*")
    send(page)
    shown = page.locator("[data-answer] img")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    assert watched.complaints == []

    page.route("**/api/v1/whoami", lambda route: route.abort())
    page.locator("[data-endpoint=whoami]").click()
    expect(page.locator("#endpoint-title")).to_contain_text("/api/v1/whoami")
    send(page)
    expect(page.locator("[data-status]")).to_have_text("No answer")
    many = "x" * 300_000
    page.route("**/readyz", lambda route: route.fulfill(body=many, content_type="text/plain"))
    page.locator("[data-endpoint=readyz]").click()
    expect(page.locator("#endpoint-title")).to_contain_text("/readyz")
    send(page)
    expect(page.get_by_text("cut here after 200 kB")).to_be_visible()
    told = "".join(f"id: {n}\ndata: {{}}\n\n" for n in range(30))
    page.route("**/events", lambda route: route.fulfill(body=told, content_type=EVENTS))
    page.locator("[data-endpoint=watchJob]").click()
    page.locator("[data-name=jobId]").fill("job_01kapq3x0tw5rz8v9m2c4d6e7f")
    send(page)
    expect(page.locator(".events li")).to_have_count(20)


EVENTS = "text/event-stream"


def test_the_examples_run_as_they_are_printed(
    open_page: Opener, api: RunningApi, owner: SignedIn, tmp_path: Path
) -> None:
    (tmp_path / "product.jpg").write_bytes(red_box())
    watched = open_page("/api-access")
    page = watched.page
    page.get_by_label("API key").fill(secret_of(api, owner))
    page.locator("[data-name=width]").fill("64")
    page.locator("[data-name=height]").fill("64")
    page.get_by_text("More fields").click()
    page.locator("[data-name=sku]").fill('it\'s "42"')

    def ran(language: str, command: list[str]) -> str:
        page.get_by_text(language, exact=True).click()
        code = page.locator("#code").inner_text()
        done = subprocess.run(
            [*command, code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for language, command in (("Python", [sys.executable, "-c"]), ("curl", ["bash", "-c"])):
        assert '"sku":"it\'s \\"42\\""' in ran(language, command)
    page.locator("[data-endpoint=createKey]").click()
    page.locator("[data-name=scopes]").fill("jobs:read, files:read")
    for language, command in (("curl", ["bash", "-c"]), ("Python", [sys.executable, "-c"])):
        assert '"scopes":["files:read","jobs:read"]' in ran(language, command)


def test_without_a_key_only_what_is_open_can_be_sent(
    open_page: Opener, pictures_folder: Path | None
) -> None:
    watched = open_page("/api-access")
    page = watched.page
    closed = page.get_by_text("This endpoint needs a key")

    expect(closed).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.evaluate("document.getElementById('selected').dataset.legacy = '/api/process'")
    page.locator("[data-name=width]").fill("65")
    expect(page.get_by_text("Calls /api/process, without a key.")).to_be_visible()
    assert "x-api-key" not in page.locator("#code").inner_text()
    page.locator("[data-endpoint=healthz]").click()
    expect(page.locator("#endpoint-title")).to_contain_text("/healthz")
    send(page)
    expect(page.locator("[data-status]")).to_contain_text("200")
    keep_picture(watched, pictures_folder, "api-access-open")
    assert_sound(watched)


def test_who_may_not_is_told_and_unknown_endpoints_are_not_there(
    api: RunningApi, acme: Created, http: Http
) -> None:
    viewer = Http(api.base_url, join(api, acme.org_id, Role.VIEWER))

    assert viewer.get("/api-access").status_code == 200
    assert http.get("/api-access?endpoint=nothing").status_code == 404
    assert http.get("/api-access?endpoint=%3Cscript%3E").status_code == 404
    assert Http(api.base_url, None).get("/api-access").status_code == 303
