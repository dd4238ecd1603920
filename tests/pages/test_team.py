"""The Team page: who is there, links shown once, roles changed, and an owner always left."""

import re
from pathlib import Path

import pytest

from api.server import RunningApi
from domain.ids import InviteId, UserId
from domain.roles import Role
from packshot.commands.organizations import Created
from pages.conftest import Http, Opener, SignedIn, join
from pages.looking import Watched, assert_sound, keep_picture

LONG_NAME = "Wilhelmina Featherstonehaugh-Cholmondeley-Majoribanks the Younger of Upper Slaughter"
LINK = re.compile(r"http://[^<\s]+/join/[\w-]{32}")


def team(http: Http) -> str:
    answer = http.get("/team")
    assert answer.status_code == 200
    return answer.text


def invite(http: Http, role: str) -> str:
    answer = http.post("/team/invites", data={"role": role})
    assert answer.status_code == 200, answer.text
    (link,) = LINK.findall(answer.text)
    return str(link)


@pytest.mark.browser
def test_every_state_is_sound(
    open_page: Opener, api: RunningApi, acme: Created,
    pictures_folder: Path | None,
) -> None:  # fmt: skip
    watched = open_page("/team")
    page = watched.page

    def look(name: str, watched: Watched = watched) -> None:
        keep_picture(watched, pictures_folder, f"team-{name}")
        assert_sound(watched)

    look("alone")
    page.click("text=Leave")
    page.click("dialog[open] button.bad")
    look("last-owner")
    join(api, acme.org_id, Role.ADMIN, name=LONG_NAME)
    join(api, acme.org_id, Role.MEMBER, name="מרה אודויה")
    viewer = join(api, acme.org_id, Role.VIEWER, name="<b>Bo</b> 👩\u200d🚀")
    watched.go("/team")
    page.click("text=Invite by link")
    look("invite")
    page.click("dialog[open] >> text=Owner")
    page.click("dialog[open] button.pri")
    assert LINK.search(page.text_content("#fresh-link") or "")
    look("link")
    watched.go("/team")
    page.click("tbody tr:nth-child(2) >> text=Change role")
    look("role")
    page.click("dialog[open] >> text=Cancel")
    page.click("tbody tr:nth-child(2) >> text=Remove")
    look("remove")
    page.click("dialog[open] button.bad")
    page.wait_for_url("**/team?done=removed")
    look("done")
    look("viewer", open_page("/team", person=viewer))


@pytest.mark.browser
def test_many_members_come_in_pages(open_page: Opener, api: RunningApi, acme: Created) -> None:
    for number in range(20):
        join(api, acme.org_id, Role.MEMBER, name=f"Member {number}")
    watched = open_page("/team", width=390)

    assert "Showing 1-20 of 21" in (watched.page.text_content("main") or "")
    assert_sound(watched)
    watched.page.click("text=Next")
    assert "Showing 21-21 of 21" in (watched.page.text_content("main") or "")
    watched.go("/team?page=9")
    assert "No members on this page" in (watched.page.text_content("main") or "")
    assert "Showing 0-0 of 21" in (watched.page.text_content("main") or "")
    assert_sound(watched)


def test_a_link_is_shown_once_and_lets_one_person_in(http: Http) -> None:
    link = invite(http, "viewer")
    page = team(http)

    assert link not in page
    assert "Withdraw" in page
    path = link.removeprefix(http.base_url)
    wish = {"name": "Vi", "email": "vi@example.com", "password": "a viewer's password"}
    assert Http(http.base_url, None).post(path, data=wish).status_code == 303
    assert path not in team(http)
    assert "vi@example.com" in team(http)


def test_an_invite_is_withdrawn_with_its_link(http: Http) -> None:
    link = invite(http, "admin")
    invite_id = max(re.findall(r"/team/invites/(inv_\w+)/withdraw", team(http)))

    done = http.post(f"/team/invites/{invite_id}/withdraw")
    again = http.post(f"/team/invites/{invite_id}/withdraw")

    assert (done.status_code, done.headers["location"]) == (303, "/team?done=withdrawn")
    assert (again.status_code, "was withdrawn" in again.text) == (409, True)
    assert Http(http.base_url, None).get(link.removeprefix(http.base_url)).status_code == 404


def test_a_role_is_changed_and_a_member_removed(api: RunningApi, http: Http, acme: Created) -> None:
    mara = join(api, acme.org_id, Role.MEMBER)
    hers = Http(api.base_url, mara)
    assert "Invite by link" not in team(hers)

    changed = http.post(f"/team/members/{mara.user_id}/role", data={"role": "admin"})
    assert (changed.status_code, changed.headers["location"]) == (303, "/team?done=role")
    assert "Invite by link" in team(hers)

    removed = http.post(f"/team/members/{mara.user_id}/remove")
    assert (removed.status_code, removed.headers["location"]) == (303, "/team?done=removed")
    gone = hers.get("/team")
    assert (gone.status_code, gone.headers["location"]) == (303, "/sign-in?next=/team")
    assert mara.email not in team(http)


def test_the_only_owner_is_told_why_they_stay(http: Http, owner: SignedIn) -> None:
    ends = [
        http.post("/team/leave"),
        http.post(f"/team/members/{owner.user_id}/remove"),
        http.post(f"/team/members/{owner.user_id}/role", data={"role": "viewer"}),
    ]

    assert {answer.status_code for answer in ends} == {409}
    assert all("Make another member an owner first." in answer.text for answer in ends)


def test_who_leaves_is_signed_out_where_there_is_nothing_left(
    api: RunningApi, http: Http, acme: Created
) -> None:
    viewer = Http(api.base_url, join(api, acme.org_id, Role.VIEWER))

    assert viewer.post("/team/leave").headers["location"] == "/"
    assert viewer.get("/").headers["location"] == "/sign-in"


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_members_and_viewers_see_without_acting(
    api: RunningApi, acme: Created, owner: SignedIn, role: Role
) -> None:
    theirs = Http(api.base_url, join(api, acme.org_id, role))

    page = team(theirs)

    assert owner.email in page
    assert not {"Change role", "Remove", "Open invites", "Invite by link"} & set(
        re.findall(r">([^<>]+)<", page)
    )
    for path in ("invites", f"members/{owner.user_id}/role", f"members/{owner.user_id}/remove"):
        assert theirs.post(f"/team/{path}", data={"role": "viewer"}).status_code in {403, 422}
    assert owner.email in team(theirs)


def test_an_admin_is_offered_and_given_nothing_above_admin(
    api: RunningApi, acme: Created, owner: SignedIn
) -> None:
    admin = join(api, acme.org_id, Role.ADMIN)
    theirs = Http(api.base_url, admin)

    assert 'value="owner"' not in team(theirs)
    ends = [
        theirs.post("/team/invites", data={"role": "owner"}),
        theirs.post(f"/team/members/{admin.user_id}/role", data={"role": "owner"}),
        theirs.post(f"/team/members/{owner.user_id}/remove"),
    ]
    assert {answer.status_code for answer in ends} == {403}
    assert not any(LINK.search(answer.text) for answer in ends)


def test_ids_of_others_and_nonsense_are_not_found(
    api: RunningApi, http: Http, globex: Created
) -> None:
    theirs = join(api, globex.org_id, Role.MEMBER)

    for user_id in (theirs.user_id, UserId.new(), "nonsense", "%00"):
        assert http.post(f"/team/members/{user_id}/remove").status_code == 404
        answer = http.post(f"/team/members/{user_id}/role", data={"role": "viewer"})
        assert answer.status_code == 404
    for invite_id in (InviteId.new(), "nonsense"):
        assert http.post(f"/team/invites/{invite_id}/withdraw").status_code == 404
    assert theirs.email not in team(http)


@pytest.mark.parametrize("fields", [{"role": "king"}, {"rank": "1"}, {"role": "<b>"}])
def test_what_is_no_role_is_refused(http: Http, fields: dict[str, str]) -> None:
    answer = http.post("/team/invites", data=fields)

    assert answer.status_code == 422
    assert "got <b>" not in answer.text
