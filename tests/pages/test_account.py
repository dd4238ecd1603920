"""Your account: a password changed, browsers signed out, and the question who it is."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.server import RunningApi
from domain.ids import OrgId, SessionId
from domain.roles import Role
from packshot.admin.shell.origin import page_token
from packshot.commands.organizations import Created
from packshot.commands.sessions import PROOF_LIFE, Device
from packshot.store import sessions as rows
from packshot.wiring import Services
from pages.conftest import PASSWORD, Http, Opener, SignedIn, join, with_services
from pages.looking import Watched, assert_sound, keep_picture
from pages.test_sign_in import cookie_of, link_to

LONG_NAME = "Wilhelmina Featherstonehaugh-Cholmondeley-Majoribanks the Younger of Upper Slaughter"
NEW = "another long password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0"
NAVIGATES = {"sec-fetch-dest": "document"}


def signed_in_elsewhere(api: RunningApi, person: SignedIn, *devices: Device) -> list[SignedIn]:
    """Other sessions of the same person."""

    async def run(services: Services) -> list[str]:
        return [
            await services.sessions.begin(person.user_id, person.org_id, device)
            for device in devices or [Device()]
        ]

    return [
        SignedIn(person.user_id, person.org_id, person.email, session)
        for session in with_services(api, run)
    ]


def proved_long_ago(api: RunningApi, *people: SignedIn) -> None:
    """Make the last proof of their sessions older than it counts."""

    async def run(services: Services) -> None:
        from packshot.commands.sessions import _hash  # noqa: PLC0415

        async with services.store.pools.writing() as connection:
            for person in people:
                at = services.sessions.clock() - PROOF_LIFE - timedelta(seconds=1)
                await rows.prove_session(connection, _hash(person.session), at=at)

    with_services(api, run)


def ids_on(page: str) -> list[str]:
    return re.findall(r"/account/sessions/(ses_\w+)/end", page)


def as_session(api: RunningApi, person: SignedIn, session: str) -> Http:
    return Http(api.base_url, SignedIn(person.user_id, person.org_id, person.email, session))


def sent_by(page: str, **typed: str) -> dict[str, str]:
    """The hidden fields of the question, and what is typed into it."""
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    return {name: fields[name] for name in ("pageToken", "proofAct")} | typed


@pytest.mark.browser
def test_every_state_is_sound(
    open_page: Opener, api: RunningApi, owner: SignedIn, acme: Created, globex: Created,
    pictures_folder: Path | None,
) -> None:  # fmt: skip
    watched = open_page("/account")
    page = watched.page

    def look(name: str, watched: Watched = watched) -> None:
        keep_picture(watched, pictures_folder, f"account-{name}")
        assert_sound(watched)

    look("alone")
    signed_in_elsewhere(
        api, owner, Device("Firefox on Linux", "192.0.2.x"), Device("", ""),
        Device("Samsung Internet on Android", "2001:0db8:0000::x"),
    )  # fmt: skip
    page.fill("[name=current]", "not the password")
    page.fill("[name=password]", NEW)
    page.click("text=Change password")
    page.wait_for_selector("[role=alert]")
    look("wrong-password")
    page.click("text=Sign out all others")
    page.wait_for_url("**/account?done=others")
    assert "1" in (page.text_content("#sessions-title + .num") or "")
    look("others-ended")
    page.fill("[name=current]", PASSWORD)
    page.fill("[name=password]", NEW)
    page.click("text=Change password")
    page.wait_for_url("**/account?done=password")
    look("password-changed")

    person = join(api, acme.org_id, Role.ADMIN, name=LONG_NAME)
    joined = Http(api.base_url, person).post(link_to(api, globex.org_id, Role.VIEWER))
    theirs = open_page("/account", person=replace(person, session=cookie_of(joined)))
    look("two-organizations", theirs)
    theirs.page.click("details.org summary")
    look("switcher", theirs)
    theirs.page.click("details.org button.item")
    theirs.page.wait_for_url("**/studio")
    assert "Acme" in (theirs.page.text_content("details.org summary") or "")


@pytest.mark.browser
def test_the_question_who_it_is_comes_between_and_the_act_goes_on(
    open_page: Opener, api: RunningApi, owner: SignedIn, pictures_folder: Path | None
) -> None:
    proved_long_ago(api, owner)
    watched = open_page("/team")
    page = watched.page

    page.click("text=Invite by link")
    page.click("dialog[open] >> text=Admin")
    page.click("dialog[open] button.pri")
    page.wait_for_selector("h1:has-text('Is it still you?')")
    keep_picture(watched, pictures_folder, "confirm")
    assert_sound(watched)
    page.fill("[name=proofPassword]", "not the password")
    page.click("text=Go on")
    page.wait_for_selector("[role=alert]")
    keep_picture(watched, pictures_folder, "confirm-wrong")
    assert_sound(watched)
    page.fill("[name=proofPassword]", PASSWORD)
    page.click("text=Go on")
    page.wait_for_selector("#fresh-link")
    assert "A link for a new admin" in (page.text_content("main") or "")

    proved_long_ago(api, owner)
    watched.go("/keys/new")
    watched.go("/keys")
    page.click("text=Create key")
    page.fill("dialog [name=name]", "Till 7")
    page.click("dialog footer .pri")
    page.wait_for_selector("dialog [name=proofPassword]")
    keep_picture(watched, pictures_folder, "confirm-in-a-dialog")
    assert_sound(watched)
    page.fill("dialog [name=proofPassword]", PASSWORD)
    page.click("dialog footer .pri")
    page.wait_for_selector("dialog #secret")
    assert "Till 7" in (page.text_content("dialog") or "")


def test_a_password_is_changed_by_who_knows_it_and_ends_every_other_session(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    (other,) = signed_in_elsewhere(api, owner)
    nobody = Http(api.base_url, None)

    wrong = http.post("/account/password", data={"current": "not mine at all", "password": NEW})
    short = http.post("/account/password", data={"current": PASSWORD, "password": "short"})
    assert (wrong.status_code, short.status_code) == (401, 422)
    assert Http(api.base_url, other).get("/account").status_code == 200
    done = http.post("/account/password", data={"current": PASSWORD, "password": NEW})

    assert (done.status_code, done.headers["location"]) == (303, "/account?done=password")
    assert Http(api.base_url, other).get("/account").status_code == 303
    assert http.get("/account").status_code == 303  # this session has another text now
    assert as_session(api, owner, cookie_of(done)).get("/account").status_code == 200
    old = nobody.post("/sign-in", data={"email": owner.email, "password": PASSWORD})
    new = nobody.post("/sign-in", data={"email": owner.email, "password": NEW})
    assert (old.status_code, new.status_code) == (401, 303)


def test_the_password_of_today_is_tried_five_times(http: Http) -> None:
    wrong = {"current": "not mine at all", "password": NEW}

    tries = [http.post("/account/password", data=wrong).status_code for _ in range(6)]

    assert tries == [401] * 5 + [429]


def test_one_sees_and_ends_ones_own_sessions_only(
    api: RunningApi, http: Http, owner: SignedIn, acme: Created
) -> None:
    (other,) = signed_in_elsewhere(api, owner, Device("Opera on macOS", "192.0.2.x"))
    stranger = Http(api.base_url, join(api, acme.org_id, Role.VIEWER))
    page = http.get("/account").text
    assert "Opera on macOS" in page
    assert "192.0.2.x" in page
    mine = ids_on(page)
    assert len(mine) == 2
    assert not set(mine) & set(ids_on(stranger.get("/account").text))

    for session_id in (*mine, SessionId.new(), "nonsense", "%00"):
        assert stranger.post(f"/account/sessions/{session_id}/end").status_code == 404
    assert Http(api.base_url, other).get("/account").status_code == 200
    ended = http.post(f"/account/sessions/{max(mine)}/end")

    assert (ended.status_code, ended.headers["location"]) == (303, "/account?done=ended")
    assert Http(api.base_url, other).get("/account").status_code == 303
    assert http.post(f"/account/sessions/{max(mine)}/end").status_code == 404
    assert http.post(f"/account/sessions/{min(mine)}/end").status_code == 303
    assert http.get("/account").headers["location"] == "/sign-in?next=/account"


def test_all_others_are_signed_out_and_this_one_stays(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    others = signed_in_elsewhere(api, owner, *[Device()] * 3)

    assert http.post("/account/sessions/end-others").status_code == 303

    assert {Http(api.base_url, other).get("/account").status_code for other in others} == {303}
    assert http.get("/account").status_code == 200


def test_signing_in_notes_the_browser_and_a_shortened_address(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    known = {"email": owner.email, "password": PASSWORD}

    Http(api.base_url, None).post("/sign-in", data=known, headers={"user-agent": FIREFOX})

    page = http.get("/account").text
    assert "Firefox on Linux" in page
    assert "127.0.0.x" in page
    assert FIREFOX not in page


def test_a_session_gets_another_text_when_its_role_changes(
    api: RunningApi, http: Http, acme: Created
) -> None:
    mara = join(api, acme.org_id, Role.MEMBER)
    stolen = Http(api.base_url, mara)
    assert "set-cookie" not in stolen.get("/team", headers=NAVIGATES).headers

    http.post(f"/team/members/{mara.user_id}/role", data={"role": "admin"})
    part = stolen.get("/team", headers={"hx-request": "true"})
    picture = stolen.get("/team", headers={"sec-fetch-dest": "image"})
    answer = stolen.get("/team", headers=NAVIGATES)

    assert "set-cookie" not in {*part.headers, *picture.headers}
    fresh = cookie_of(answer)
    assert fresh not in {"", mara.session}
    assert "Invite by link" in answer.text
    assert page_token(fresh, mara.org_id) in answer.text  # the page acts under the new text
    assert stolen.get("/team").status_code == 303
    assert as_session(api, mara, fresh).get("/team").status_code == 200


def test_going_on_to_another_organization_makes_a_new_text(
    api: RunningApi, http: Http, owner: SignedIn, globex: Created
) -> None:
    joined = http.post(link_to(api, globex.org_id, Role.VIEWER))
    there = SignedIn(owner.user_id, globex.org_id, owner.email, cookie_of(joined))

    back = Http(api.base_url, there).post("/organization", data={"orgId": str(owner.org_id)})
    elsewhere = Http(api.base_url, there).post("/organization", data={"orgId": str(OrgId.new())})

    assert back.status_code == 303
    assert cookie_of(back) != there.session
    assert as_session(api, owner, cookie_of(back)).get("/team").status_code == 200
    assert elsewhere.headers.get("location", "").startswith("/sign-in")  # the old text is over


GUARDED = [
    ("/keys", {"name": "Till", "scopeSet": "process only"}),
    ("/team/invites", {"role": "owner"}),
    ("/team/members/{me}/role", {"role": "owner"}),
    ("/team/members/{me}/remove", {}),
    ("/integrations", {"shop": "bridge", "url": "https://a.example", "secret": "whsec_canary"}),
    ("/integrations/int_x/credentials", {"secret": "whsec_canary"}),
    ("/integrations/int_x/disconnect", {}),
    ("/keys/key_x/rotate", {"grace": "0"}),
    ("/keys/key_x/revoke", {}),
]


@pytest.mark.parametrize(("path", "fields"), GUARDED)
def test_rights_are_handed_out_after_a_fresh_proof_only(
    api: RunningApi, http: Http, owner: SignedIn, path: str, fields: dict[str, str]
) -> None:
    proved_long_ago(api, owner)

    answer = http.post(path.format(me=owner.user_id), data=fields)

    assert answer.status_code == 403
    assert "Is it still you?" in answer.text
    assert "canary" not in answer.text


def test_every_page_that_hands_out_rights_asks() -> None:
    from packshot.app import PAGES  # noqa: PLC0415

    asking = {one.path for one in PAGES if one.needs_proof}

    assert {re.sub(r"{\w+}", "x", path) for path in asking} >= {
        re.sub(r"{me}|int_x|key_x", "x", path) for path, _ in GUARDED
    }


def test_what_was_asked_for_goes_on_with_nothing_lost_and_is_asked_once(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    proved_long_ago(api, owner)
    wish: Sequence[tuple[str, Any]] = [
        ("name", "Two scopes & more"), ("scopeSet", "chosen"),
        ("scopes", "jobs:read"), ("scopes", "jobs:write"),
    ]  # fmt: skip

    question = http.post("/keys", data=wish).text
    wrong = http.post("/keys", data=sent_by(question, proofPassword="not mine at all"))
    none = http.post("/keys", data=sent_by(wrong.text))
    right = http.post("/keys", data=sent_by(none.text, proofPassword=PASSWORD))

    assert (wrong.status_code, none.status_code) == (401, 403)
    assert "This is not your password" in wrong.text
    assert right.status_code == 200
    assert "pshot_live_" in right.text
    assert "Two scopes &amp; more" in http.get("/keys?whole=yes").text
    assert http.post("/team/invites", data={"role": "viewer"}).status_code == 200


def test_a_waiting_act_is_for_its_session_and_its_address_alone(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    (other,) = signed_in_elsewhere(api, owner)
    proved_long_ago(api, owner, other)
    question = http.post("/team/invites", data={"role": "owner"}).text
    sent = sent_by(question, proofPassword=PASSWORD)
    act = {"proofAct": sent["proofAct"], "proofPassword": PASSWORD}

    ends = [
        Http(api.base_url, other).post("/team/invites", data=act),
        http.post("/keys", data=act),
        http.post("/team/invites", data=act | {"proofAct": "AAAA"}),
        http.post("/team/invites", data=act | {"proofAct": "é"}),
    ]

    assert {answer.status_code for answer in ends} == {400}
    assert "/join/" not in "".join(answer.text for answer in ends)


def test_the_question_is_tried_as_often_as_signing_in(
    api: RunningApi, http: Http, owner: SignedIn
) -> None:
    proved_long_ago(api, owner)
    question = http.post("/team/invites", data={"role": "owner"}).text
    wrong = sent_by(question, proofPassword="not mine at all")

    tries = [http.post("/team/invites", data=wrong).status_code for _ in range(6)]

    assert tries == [401] * 5 + [429]


def test_keys_are_asked_nothing(api: RunningApi, acme: Created, owner: SignedIn) -> None:
    proved_long_ago(api, owner)

    answer = Http(api.base_url, None).post(
        "/api/v1/keys",
        json={"name": "By a key", "scopeSet": "process only"},
        headers={"x-api-key": acme.secret},
    )

    assert answer.status_code == 201
