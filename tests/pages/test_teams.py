"""The pages of teams and of the organization's settings, and what a suspended one shows."""

from pathlib import Path

import pytest

from api.server import RunningApi
from domain.ids import TeamId, UserId
from domain.recorded import Actor
from domain.roles import Role
from packshot.commands.organizations import Created
from packshot.wiring import Services
from pages.conftest import Http, Opener, SignedIn, join, with_services
from pages.looking import Watched, assert_sound, keep_picture

LONG = "The team that looks after everything that is worn on feet, in Upper Slaughter & elsewhere"
SYSTEM = Actor("system", "test")


def team(http: Http, name: str = "Shoes") -> str:
    answer = http.post("/team/teams", data={"name": name})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def suspend(api: RunningApi, acme: Created, reason: str) -> None:
    async def run(services: Services) -> None:
        await services.supervision.suspend(SYSTEM, acme.org_id, reason=reason)

    with_services(api, run)


@pytest.mark.browser
def test_every_state_is_sound(
    open_page: Opener, api: RunningApi, acme: Created, http: Http, owner: SignedIn,
    pictures_folder: Path | None,
) -> None:  # fmt: skip
    def look(name: str, watched: Watched) -> None:
        keep_picture(watched, pictures_folder, f"teams-{name}")
        assert_sound(watched)

    watched = open_page("/team")
    page = watched.page
    page.click("text=Create team")
    look("create", watched)
    page.fill("dialog[open] input[name=name]", f"<b>{LONG}")
    page.click("dialog[open] button.pri")
    page.wait_for_url("**/team/teams/team_*")
    look("nobody", watched)
    bo = join(api, acme.org_id, Role.MEMBER, name="<i>Bo</i> 👩\u200d🚀 مرה")
    page.fill("input[name=q]", "bo")
    page.keyboard.press("Enter")
    page.wait_for_selector("ul.offered")
    look("found", watched)
    page.click("li:has-text('Bo') >> text=Add")
    page.wait_for_url("**done=added")
    page.click("text=Make lead")
    page.wait_for_url("**done=role")
    look("lead", watched)
    path = page.url.removeprefix(api.base_url).partition("?")[0]
    watched.go(f"{path}?q=nobody%20of%20this%20name")
    look("nobody-found", watched)
    page.click("text=Rename")
    look("rename", watched)
    watched.go(path)
    page.click("text=Delete")
    look("delete", watched)
    look("viewer", open_page(path, person=join(api, acme.org_id, Role.VIEWER, name="Vi")))
    look("its-lead", open_page(path, person=bo))
    watched.go("/team?q=Bo")
    look("search", watched)
    watched.go("/team?q=nobody%20of%20this%20name")
    look("search-nobody", watched)


@pytest.mark.browser
def test_settings_and_a_shut_organization_are_sound(
    open_page: Opener, api: RunningApi, acme: Created, pictures_folder: Path | None
) -> None:
    def look(name: str, watched: Watched) -> None:
        keep_picture(watched, pictures_folder, f"settings-{name}")
        assert_sound(watched)

    watched = open_page("/settings")
    look("owner", watched)
    watched.page.fill("section input[name=name]", LONG)
    watched.page.click("text=Rename")
    watched.page.wait_for_url("**done=renamed")
    look("renamed", watched)
    watched.page.click("section >> text=Close organization")
    look("close", watched)
    watched.page.fill("dialog[open] input[name=name]", "Another")
    watched.page.click("dialog[open] button.bad")
    look("another-name", watched)
    member = join(api, acme.org_id, Role.MEMBER, name="Mo")
    look("member", open_page("/settings", person=member))

    suspend(api, acme, "Unpaid since May: write to billing@example.com.")

    watched.go("/studio")
    look("suspended", watched)
    watched.go("/activity")
    assert "Settings" in (watched.page.text_content("nav[aria-label=Organization]") or "")
    look("suspended-activity", watched)
    look("suspended-member", open_page("/studio", person=member))


def test_a_lead_who_is_no_admin_decides_about_their_team_only(
    api: RunningApi, http: Http, acme: Created
) -> None:
    lead, other = (join(api, acme.org_id, Role.MEMBER, name=name) for name in ("Lead", "Other"))
    shoes, hats = team(http, "Shoes"), team(http, "Hats")
    http.post(f"{shoes}/members/{lead.user_id}", data={"role": "lead"})
    theirs = Http(api.base_url, lead)

    added = theirs.post(f"{shoes}/members/{other.user_id}", data={"role": "member"})
    renamed = theirs.post(f"{shoes}/name", data={"name": "Boots"})

    assert (added.headers["location"], renamed.headers["location"]) == (
        f"{shoes}?done=added", f"{shoes}?done=renamed",
    )  # fmt: skip
    assert "Add to the team" in theirs.get(shoes).text
    assert "Add to the team" not in theirs.get(hats).text
    assert "Add to the team" not in Http(api.base_url, other).get(shoes).text
    for answer in (
        theirs.post(f"{hats}/members/{other.user_id}", data={"role": "member"}),
        theirs.post(f"{hats}/name", data={"name": "Mine"}),
        theirs.post(f"{shoes}/delete"),
        theirs.post("/team/teams", data={"name": "Mine"}),
        Http(api.base_url, other).post(f"{shoes}/members/{lead.user_id}/remove"),
    ):
        assert answer.status_code == 403


def test_names_are_escaped_and_refusals_are_told_on_the_page(http: Http) -> None:
    path = team(http, '<script>alert("team")</script>')

    assert "<script>alert" not in http.get(path).text
    assert "<script>alert" not in http.get("/team").text
    taken = http.post("/team/teams", data={"name": '<SCRIPT>alert("team")</SCRIPT>'})
    assert (taken.status_code, "Another team" in taken.text) == (409, True)
    empty = http.post(f"{path}/name", data={"name": "\u202e"})
    assert (empty.status_code, "printable characters" in empty.text) == (422, True)
    assert http.post("/team/teams", data={"name": "Hats", "role": "x"}).status_code == 422


def test_foreign_and_senseless_ids_are_not_found(
    api: RunningApi, http: Http, globex: Created
) -> None:
    stranger = join(api, globex.org_id, Role.OWNER)
    foreign, own = team(Http(api.base_url, stranger)), team(http)

    for path in (foreign, f"/team/teams/{TeamId.new()}", "/team/teams/x"):
        assert http.get(path).status_code == 404
        for end, data in (("name", {"name": "Ours"}), ("delete", {})):
            assert http.post(f"{path}/{end}", data=data).status_code == 404
        put = http.post(f"{path}/members/{stranger.user_id}", data={"role": "lead"})
        assert put.status_code == 404
    for user_id in (stranger.user_id, UserId.new(), "x"):
        assert http.post(f"{own}/members/{user_id}", data={"role": "lead"}).status_code == 404
        assert http.post(f"{own}/members/{user_id}/remove").status_code == 404


def test_forms_from_elsewhere_change_nothing(http: Http, acme: Created) -> None:
    path = team(http)
    for form, data in (
        (f"{path}/delete", {}),
        (f"{path}/name", {"name": "Theirs"}),
        ("/settings/name", {"name": "Theirs"}),
        ("/settings/close", {"name": "Acme"}),
    ):
        for headers in (
            {"origin": "https://evil.example"},
            {"sec-fetch-site": "cross-site"},
            {"x-page-token": "x"},
            {"x-page-token": None},
        ):
            assert http.post(form, data=data, headers=headers).status_code == 403

    assert "Shoes" in http.get(path).text
    assert 'value="Acme"' in http.get("/settings").text


def test_closing_asks_for_the_name_and_signs_everybody_out(
    api: RunningApi, http: Http, acme: Created
) -> None:
    admin = Http(api.base_url, join(api, acme.org_id, Role.ADMIN))

    assert http.post("/settings/close", data={"name": "acme"}).status_code == 422
    assert admin.post("/settings/close", data={"name": "Acme"}).status_code == 403
    assert admin.get("/settings").status_code == 200
    closed = http.post("/settings/close", data={"name": "Acme"})

    assert (closed.status_code, closed.headers["location"]) == (303, "/")
    for one in (http, admin):
        assert one.get("/settings").headers["location"] == "/sign-in?next=/settings"


def test_a_suspended_organization_shows_its_reason_and_owners_its_trail(
    api: RunningApi, http: Http, acme: Created
) -> None:
    admin = Http(api.base_url, join(api, acme.org_id, Role.ADMIN))
    suspend(api, acme, "Unpaid <b>since</b> May.")

    for one in (http, admin):
        shut = one.get("/studio")
        assert shut.status_code == 403
        assert "Unpaid &lt;b&gt;since&lt;/b&gt; May." in shut.text
    assert http.post("/team/invites", data={"role": "viewer"}).status_code == 403
    assert http.get("/activity").status_code == 200
    assert admin.get("/activity").status_code == 403
    assert admin.post("/sign-out").status_code == 303
