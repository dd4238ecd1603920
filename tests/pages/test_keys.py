"""The page of keys: a table that everybody may read, secrets that are shown once."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from api.server import RunningApi
from domain.recorded import Actor, Context
from domain.roles import SCOPES, Role
from domain.scopes import SCOPE_SETS, Scope
from packshot.commands.api_keys import ChangedKey, NewKey
from packshot.commands.organizations import Created
from packshot.wiring import Services
from pages.conftest import Http, Opener, SignedIn, join, with_services
from pages.looking import assert_sound, keep_picture

pytestmark = pytest.mark.browser

SECRET = re.compile(r"pshot_(?:live|test)_[A-Za-z0-9]{8}_[A-Za-z0-9]{38}")
HOSTILE = "<b onclick=alert(1)>Ladenkasse & Söhne, die mit dem sehr langen Namen in der Liste</b>"


def make_key(
    api: RunningApi, person: SignedIn, name: str, *, scopes: tuple[Scope, ...], days: float = 300
) -> ChangedKey:
    """A new key that this person made."""

    async def make(services: Services) -> ChangedKey:
        end = datetime.now(UTC) + timedelta(days=days)
        wanted = NewKey(name, "live", scopes, end)
        return await services.api_keys.create(
            context_of(person), wanted, granted=SCOPES[Role.OWNER]
        )

    return with_services(api, make)


def context_of(person: SignedIn) -> Context:
    actor = Actor("user", str(person.user_id))
    return Context(person.org_id, actor, "test", correlation_id="test")


def many_keys(api: RunningApi, person: SignedIn) -> None:
    """A key of every status."""
    make_key(api, person, "Shop checkout", scopes=SCOPE_SETS["process only"])
    make_key(api, person, "Agency", scopes=(Scope.IMAGES_PROCESS,), days=6.5)
    make_key(api, person, HOSTILE, scopes=SCOPE_SETS["everything"])
    rotated = make_key(api, person, "CI", scopes=(Scope.FILES_READ, Scope.JOBS_READ))
    scopes = (Scope.FILES_READ, Scope.JOBS_READ, Scope.CATALOG_READ, Scope.AUDIT_READ,
              Scope.USAGE_READ, Scope.MEMBERS_READ)  # fmt: skip
    revoked = make_key(api, person, "Old mobile app", scopes=scopes)

    async def change(services: Services) -> None:
        context, granted = context_of(person), SCOPES[Role.OWNER]
        await services.api_keys.rotate(context, rotated.key.key_id, grace_s=86400, granted=granted)
        await services.api_keys.revoke(context, revoked.key.key_id, reason="no longer used")

    with_services(api, change)


def test_keys_of_every_status_are_told(
    open_page: Opener,
    api: RunningApi,
    owner: SignedIn,
    pictures_folder: Path | None,
) -> None:
    many_keys(api, owner)

    watched = open_page("/keys")
    table = watched.page.locator("#keys table")
    expect(table).to_be_visible()

    heads = watched.page.locator("#keys th").all_text_contents()
    assert heads == ["Key Prefix", "Scopes", "Created", "Last Used", "Status", "Actions"]
    for told in (
        "Active",
        "Expires in 6 days",
        "Rotating",
        "Former secret until",
        "Revoked",
        "by Mara Oduya",
    ):
        assert told in table.inner_text()
    keep_picture(watched, pictures_folder, "keys")
    assert_sound(watched)
    watched.page.get_by_role("link", name="Create key").first.click()
    expect(watched.page.get_by_role("textbox", name="Name")).to_be_focused()
    watched.page.get_by_label("Scopes I choose").check()
    keep_picture(watched, pictures_folder, "keys-new")
    assert_sound(watched)


def test_a_key_is_created_shown_once_and_works(
    open_page: Opener, api: RunningApi, pictures_folder: Path | None
) -> None:
    watched = open_page("/keys")
    page = watched.page
    page.get_by_role("link", name="Create key").first.click()
    page.get_by_role("textbox", name="Name").fill("Warehouse <script>")
    page.get_by_role("button", name="Create key").dblclick()  # a slip of the hand makes one key
    secret = page.get_by_label("Warehouse <script>").input_value()
    keep_picture(watched, pictures_folder, "keys-secret")
    assert_sound(watched)

    assert SECRET.fullmatch(secret)
    answer = requests.get(
        f"{api.base_url}/api/v1/whoami", headers={"x-api-key": secret}, timeout=30
    )
    assert answer.status_code == 200
    assert secret in page.locator("#try").inner_text()
    page.keyboard.press("Escape")
    expect(page.locator("#act")).to_be_visible()  # a secret is not lost by Escape
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator("#keys table")).to_contain_text("Warehouse <script>")
    assert secret not in page.content()
    page.reload()
    expect(page.locator("#keys table").get_by_text("Warehouse <script>")).to_have_count(1)
    assert secret not in page.content()
    assert watched.complaints == []


def test_a_key_is_rotated_changed_filtered_and_revoked(
    open_page: Opener, api: RunningApi, owner: SignedIn, pictures_folder: Path | None
) -> None:
    made = make_key(api, owner, "Till 7", scopes=SCOPE_SETS["process only"])
    make_key(api, owner, "Other", scopes=(Scope.FILES_READ,))
    watched = open_page("/keys")
    page = watched.page

    page.get_by_role("link", name="Rotate Till 7").click()
    keep_picture(watched, pictures_folder, "keys-rotate")
    page.get_by_label("Not at all: it stops now").check()
    page.get_by_role("button", name="Rotate").click()
    secret = page.get_by_label("Till 7", exact=True).input_value()
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name="Edit Till 7").click()
    page.get_by_role("textbox", name="Name").fill("Till 8")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#keys table")).to_contain_text("Till 8")
    page.get_by_label("Filter keys by name or prefix").fill("till")
    expect(page.locator("#keys tbody tr")).to_have_count(1)
    assert page.url.endswith("/keys?q=till")
    page.get_by_role("link", name="Revoke Till 8").click()
    page.get_by_label("Reason, for whoever asks later").fill("lost <b>phone</b>")
    keep_picture(watched, pictures_folder, "keys-revoke")
    assert_sound(watched)
    page.get_by_role("button", name="Revoke key").click()
    expect(page.locator("#keys table")).to_contain_text("lost <b>phone</b>")

    assert SECRET.fullmatch(secret)
    assert secret != made.secret
    whoami = f"{api.base_url}/api/v1/whoami"
    for text in (secret, made.secret):
        refused = requests.get(whoami, headers={"x-api-key": text}, timeout=30)
        assert refused.status_code == 401
    assert watched.complaints == []


def test_without_a_script_everything_is_there_too(http: Http) -> None:
    page = http.get("/keys")
    assert "Loading keys…" in page.text
    assert '<noscript><p class="loading"><a class="link" href="/keys?whole=yes">' in page.text
    form = {"name": "Plain", "scopeSet": "chosen", "scopes": "jobs:read"}

    created = http.post("/keys", data=form)

    assert SECRET.search(created.text)
    assert created.headers["cache-control"] == "no-store"
    whole = http.get("/keys?whole=yes").text
    assert "Plain" in whole
    assert "jobs:read" in whole
    assert not SECRET.search(whole)


def test_a_mistake_is_told_beside_what_was_typed(http: Http) -> None:
    nameless = http.post("/keys", data={"scopeSet": "read only", "life": "30"})
    scopeless = http.post("/keys", data={"name": "No <i>scopes</i>", "scopeSet": "chosen"})

    assert nameless.status_code == 400
    assert "A key needs a name." in nameless.text
    assert 'value="read only" checked' in nameless.text
    assert scopeless.status_code == 422
    assert "No &lt;i&gt;scopes&lt;/i&gt;" in scopeless.text


def test_members_look_and_only_admins_act(
    api: RunningApi, acme: Created, http: Http, owner: SignedIn
) -> None:
    made = make_key(api, owner, "Till", scopes=(Scope.FILES_READ,))
    member = Http(api.base_url, join(api, acme.org_id, Role.MEMBER))
    viewer = Http(api.base_url, join(api, acme.org_id, Role.VIEWER))
    key = f"/keys/{made.key.key_id}"

    assert "Till" in member.get("/keys?whole=yes").text
    assert "/rotate" not in member.get("/keys?whole=yes").text
    for path, form in (("/keys", {"name": "x"}), (f"{key}/revoke", {}), (f"{key}/rotate", {})):
        assert member.post(path, data=form).status_code == 403
        assert http.post(path, data=form, headers={"x-page-token": None}).status_code == 403
        elsewhere = {"origin": "https://example.com", "sec-fetch-site": "cross-site"}
        assert http.post(path, data=form, headers=elsewhere).status_code == 403
    assert viewer.get("/keys").status_code == 403
    assert member.get("/keys/new").status_code == 403


def test_keys_of_another_organization_are_not_there(
    api: RunningApi, globex: Created, http: Http
) -> None:
    stranger = join(api, globex.org_id, Role.OWNER)
    made = make_key(api, stranger, "Foreign", scopes=(Scope.FILES_READ,))

    for key in (str(made.key.key_id), "key_x"):
        assert http.get(f"/keys/{key}/rotate").status_code == 404
        assert http.post(f"/keys/{key}/revoke", data={}).status_code == 404
        assert http.post(f"/keys/{key}/edit", data={"name": "Mine"}).status_code == 404
        assert http.post(f"/keys/{key}/adopt", data={}).status_code == 404
    assert "Foreign" not in http.get("/keys?whole=yes").text
    revoked = with_services(api, lambda s: s.api_keys.find(globex.org_id, made.key.key_id))
    assert revoked.revoked_at is None


def test_many_keys_come_in_pages(api: RunningApi, http: Http, owner: SignedIn) -> None:
    for number in range(3):
        make_key(api, owner, f"Till {number}", scopes=(Scope.FILES_READ,))

    first = http.get("/keys?whole=yes&limit=2&q=till").text
    following = re.search(r'href="(/keys\?[^"]+)" rel="next"', first)

    assert "Showing 1-2 of 3" in first
    assert following is not None
    second = http.get(following[1].replace("&amp;", "&") + "&limit=2").text
    assert "Showing 3-3 of 3" in second
    assert "Till 0" in second
    assert "No key is called so." in http.get("/keys?whole=yes&q=%25").text


def test_a_key_is_confined_when_it_is_made_and_when_it_is_changed(
    open_page: Opener, api: RunningApi, owner: SignedIn, pictures_folder: Path | None
) -> None:
    watched = open_page("/keys")
    page = watched.page
    page.get_by_role("link", name="Create key").first.click()
    page.get_by_role("textbox", name="Name").fill("Office")
    page.get_by_text("Networks and a limit of its own").click()
    networks = page.get_by_label("Works from these networks only, one a line")
    networks.fill("203.0.113.7/24")
    page.get_by_label("Requests at most").fill("600")
    page.get_by_label("in so many seconds").fill("60")
    page.get_by_label("Test", exact=True).check()
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("alert")).to_contain_text("Write it as 203.0.113.0/24.")
    expect(networks).to_have_value("203.0.113.7/24")
    keep_picture(watched, pictures_folder, "keys-bounds-wrong")
    assert_sound(watched)
    networks.fill("203.0.113.0/24\n2001:db8::/32")
    page.get_by_label("Test", exact=True).check()
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("link", name="I have copied it").click()
    row = page.locator("#keys tbody tr", has_text="Office")
    for told in ("Test", "2 networks", "600 in 60 s"):
        expect(row).to_contain_text(told)

    page.get_by_role("link", name="Edit Office").click()
    expect(networks).to_have_value("203.0.113.0/24\n2001:db8::/32")
    keep_picture(watched, pictures_folder, "keys-edit")
    assert_sound(watched)
    networks.fill("")
    page.get_by_label("Requests at most").fill("")
    page.get_by_label("in so many seconds").fill("")
    page.get_by_label("images:process").uncheck()
    page.get_by_label("Expires").select_option("never")
    page.get_by_role("button", name="Save").click()
    expect(row).not_to_contain_text("networks")

    listed = with_services(api, lambda services: services.api_keys.list(owner.org_id, limit=1))
    key = listed.keys[0]
    assert (key.allowed_cidrs, key.rate_limit, key.expires_at) == ([], None, None)
    assert "images:process" not in key.scopes
    assert "images:upscale" in key.scopes
    assert watched.complaints == []


def test_a_mistake_in_a_change_is_told_beside_what_was_typed_and_changes_nothing(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    made = make_key(api, owner, "Till", scopes=(Scope.FILES_READ,))
    path = f"/keys/{made.key.key_id}/edit"
    same = {"name": "Till <i>9</i>", "scopes": "files:read"}

    for wrong, status, told in (
        ({"networks": "10.0.0.0/8 nonsense"}, 422, "which is no network"),
        ({"networks": "\n".join(f"10.0.0.{n}" for n in range(51))}, 422, "may hold 50 networks"),
        ({"limit": "0", "window": "60"}, 422, "must be from 1 to 1e+06"),
        ({"limit": "5"}, 400, "so many requests in so many seconds"),
        ({"scopes": ""}, 422, "at least one scope"),
        ({"name": ""}, 400, "A key needs a name."),
    ):
        answer = http.post(path, data=same | wrong)
        assert (answer.status_code, told in answer.text) == (status, True), answer.text
        if wrong.get("name") != "":
            assert "Till &lt;i&gt;9&lt;/i&gt;" in answer.text
    assert http.post(path, data=same | {"networks": " " * 4001 + "::1"}).status_code == 422
    found = with_services(api, lambda s: s.api_keys.find(owner.org_id, made.key.key_id))
    assert (found.name, found.allowed_cidrs, found.rate_limit) == ("Till", [], None)


def test_the_key_of_somebody_who_left_is_adopted(
    open_page: Opener,
    api: RunningApi,
    acme: Created,
    owner: SignedIn,
    pictures_folder: Path | None,
) -> None:
    ada = join(api, acme.org_id, Role.ADMIN, name="Ada Left")
    make_key(api, ada, "Old till", scopes=SCOPE_SETS["everything"])
    bob = join(api, acme.org_id, Role.ADMIN, name="Bob Viewer")
    make_key(api, bob, "Viewed", scopes=SCOPE_SETS["everything"])

    async def change(services: Services) -> None:
        await services.members.remove(context_of(owner), ada.user_id)
        await services.members.change_role(context_of(owner), bob.user_id, Role.VIEWER)

    with_services(api, change)
    watched = open_page("/keys")
    page = watched.page
    row = page.locator("#keys tbody tr", has_text="Old till")
    expect(row).to_contain_text("Nobody answers for it: limited")
    expect(page.locator("#keys tbody tr", has_text="Viewed")).to_contain_text(
        "Limited to what a viewer may"
    )
    assert page.get_by_role("link", name="Adopt Viewed").count() == 0
    keep_picture(watched, pictures_folder, "keys-adoptable")
    page.get_by_role("link", name="Adopt Old till").click()
    keep_picture(watched, pictures_folder, "keys-adopt")
    assert_sound(watched)
    page.get_by_role("button", name="Adopt key").click()

    expect(row).to_contain_text("Mara Oduya answers for it")
    expect(row).not_to_contain_text("limited")
    assert page.get_by_role("link", name="Adopt Old till").count() == 0
    assert watched.complaints == []


def test_keys_are_shown_as_they_stood_and_cannot_be_changed_there(
    open_page: Opener, api: RunningApi, owner: SignedIn
) -> None:
    many_keys(api, owner)
    watched = open_page("/keys?asOf=2")
    page = watched.page
    assert "This is how it stood at event 2." in page.locator("#keys [role=status]").inner_text()
    expect(page.locator("table.keys tbody tr")).to_have_count(1)
    for verb in ("Rotate", "Revoke", "Edit", "Create"):
        expect(page.get_by_role("link", name=re.compile(verb))).to_have_count(0)
    assert_sound(watched)

    page.get_by_role("link", name="Back to today").click()
    expect(page.get_by_role("link", name=re.compile("Rotate")).first).to_be_visible()
    page.get_by_label("As of (UTC)").fill("2001-01-01T00:00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("There was no key yet.")).to_be_visible()
