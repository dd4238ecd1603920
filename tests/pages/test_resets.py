"""Lost passwords: replaced once, by who may, and nobody learns who has an account."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from api.server import RunningApi, running_api
from domain.ids import UserId
from domain.roles import Role
from packshot.commands.organizations import Created
from packshot.commands.resets import LINK_LIFE, Resets
from packshot.wiring import Services
from pages.conftest import PASSWORD, Http, Opener, SignedIn, join, with_services
from pages.looking import Watched, a_page, assert_sound, keep_picture
from pages.test_account import proved_long_ago
from pages.test_sign_in import link_to
from postbox import Mailbox, a_mailbox

NEW = "a password found again"
LINK = re.compile(r"/reset/[\w-]{32}")


def offered(http: Http, user_id: UserId) -> str:
    answer = http.post(f"/team/members/{user_id}/reset")
    assert answer.status_code == 200, answer.text
    return LINK.findall(answer.text)[0]


def signs_in(api: RunningApi, person: SignedIn, password: str) -> bool:
    known = {"email": person.email, "password": password}
    return Http(api.base_url, None).post("/sign-in", data=known).status_code == 303


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with a_mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def mailing(api: RunningApi, mailbox: Mailbox) -> Iterator[RunningApi]:
    """The same installation, with a mail server."""
    settings = replace(api.settings, smtp_url=mailbox.url, smtp_from="packshot@example.com")
    with running_api(settings) as running:
        yield running


@pytest.mark.browser
def test_every_state_is_sound(
    open_page: Opener, api: RunningApi, acme: Created, pictures_folder: Path | None
) -> None:
    mara = join(api, acme.org_id, Role.MEMBER)
    watched = open_page("/team")
    nobody = open_page("/sign-in", person=None)

    def look(name: str, watched: Watched) -> None:
        keep_picture(watched, pictures_folder, f"reset-{name}")
        assert_sound(watched)

    nobody.page.click("text=Forgot your password?")
    look("whom-to-ask", nobody)
    watched.page.click("text=Reset password")
    link = watched.page.text_content("#fresh-link") or ""
    look("offered", watched)
    nobody.page.goto(link)
    look("new-password", nobody)
    nobody.page.eval_on_selector("form", "form => { form.noValidate = true }")
    nobody.page.fill("[name=password]", "short")
    nobody.page.click("main form button")
    look("refused", nobody)
    nobody.page.fill("[name=password]", NEW)
    nobody.page.click("main form button")
    nobody.page.wait_for_url("**/sign-in?done=reset")
    look("done", nobody)
    nobody.page.fill("[name=email]", mara.email)
    nobody.page.fill("[name=password]", NEW)
    nobody.page.click("main button")
    nobody.page.wait_for_url("**/studio")
    nobody.page.goto(link)
    look("over", nobody)


@pytest.mark.browser
def test_asking_by_mail_is_sound(
    browser: Browser, mailing: RunningApi, pictures_folder: Path | None
) -> None:
    with a_page(browser, mailing.base_url, session=None) as watched:
        watched.go("/forgot")
        keep_picture(watched, pictures_folder, "reset-by-mail")
        assert_sound(watched)
        watched.page.fill("[name=email]", "nobody@example.com")
        watched.page.click("text=Send the link")
        watched.page.wait_for_selector("main [role=status]")
        keep_picture(watched, pictures_folder, "reset-mailed")
        assert_sound(watched)


def test_an_admin_makes_a_link_that_works_once_and_ends_every_session(
    api: RunningApi, http: Http, acme: Created
) -> None:
    mara = join(api, acme.org_id, Role.MEMBER)
    path, other = offered(http, mara.user_id), offered(http, mara.user_id)
    nobody = Http(api.base_url, None)
    assert mara.email in nobody.get(path).text
    assert nobody.post(path, data={"password": "short"}).status_code == 422
    assert signs_in(api, mara, PASSWORD)

    done = nobody.post(path, data={"password": NEW})

    assert (done.status_code, done.headers["location"]) == (303, "/sign-in?done=reset")
    assert Http(api.base_url, mara).get("/account").status_code == 303
    assert (signs_in(api, mara, PASSWORD), signs_in(api, mara, NEW)) == (False, True)
    over = [
        nobody.get(path),
        nobody.post(path, data={"password": NEW}),
        nobody.get(other),
        nobody.get("/reset/nonsense"),
    ]
    assert {answer.status_code for answer in over} == {404}
    assert all("This link does not work any more" in answer.text for answer in over)
    feed = http.get("/activity").text
    assert LINK.search(feed) is None


def test_who_ranks_below_or_is_no_admin_makes_no_link(
    api: RunningApi, owner: SignedIn, acme: Created, globex: Created
) -> None:
    admin = Http(api.base_url, join(api, acme.org_id, Role.ADMIN))
    member = Http(api.base_url, join(api, acme.org_id, Role.MEMBER))
    foreign = Http(api.base_url, join(api, globex.org_id, Role.OWNER))

    assert admin.post(f"/team/members/{owner.user_id}/reset").status_code == 403
    assert member.post(f"/team/members/{owner.user_id}/reset").status_code == 403
    assert foreign.post(f"/team/members/{owner.user_id}/reset").status_code == 404
    assert foreign.post("/team/members/nonsense/reset").status_code == 404
    assert signs_in(api, owner, PASSWORD)


def test_a_link_takes_nobody_over_in_another_organization(
    api: RunningApi, http: Http, acme: Created, globex: Created
) -> None:
    """Before the link is made, and between its making and its use."""
    elsewhere = join(api, acme.org_id, Role.MEMBER)
    Http(api.base_url, elsewhere).post(link_to(api, globex.org_id, Role.OWNER))
    refused = http.post(f"/team/members/{elsewhere.user_id}/reset")
    later = join(api, acme.org_id, Role.MEMBER)
    path = offered(http, later.user_id)
    Http(api.base_url, later).post(link_to(api, globex.org_id, Role.OWNER))

    used = Http(api.base_url, None).post(path, data={"password": NEW})

    assert refused.status_code == 409
    assert "belongs to other organizations too" in refused.text
    assert used.status_code == 404
    assert signs_in(api, later, PASSWORD)


def test_a_link_opens_no_account_that_its_maker_may_not_decide_about_any_more(
    api: RunningApi, http: Http, acme: Created
) -> None:
    admin = Http(api.base_url, join(api, acme.org_id, Role.ADMIN))
    raised = join(api, acme.org_id, Role.MEMBER)
    path = offered(admin, raised.user_id)

    http.post(f"/team/members/{raised.user_id}/role", data={"role": "owner"})

    assert Http(api.base_url, None).post(path, data={"password": NEW}).status_code == 404
    assert signs_in(api, raised, PASSWORD)


@pytest.mark.parametrize("fate", ["removed", "demoted", "disabled"])
def test_who_may_make_links_no_more_comes_back_by_none(
    api: RunningApi, http: Http, acme: Created, fate: str
) -> None:
    admin, member = join(api, acme.org_id, Role.ADMIN), join(api, acme.org_id, Role.MEMBER)
    path = offered(Http(api.base_url, admin), member.user_id)

    async def disable(services: Services) -> UserId:
        return await services.accounts.disable(admin.email, actor_id="test")

    match fate:
        case "removed":
            done = http.post(f"/team/members/{admin.user_id}/remove").status_code
        case "demoted":
            to = {"role": "member"}
            done = http.post(f"/team/members/{admin.user_id}/role", data=to).status_code
        case _:
            done = 303 if with_services(api, disable) == admin.user_id else 0

    assert done == 303
    assert Http(api.base_url, None).post(path, data={"password": NEW}).status_code == 404
    assert signs_in(api, member, PASSWORD)


def test_a_link_outlives_what_has_nothing_to_do_with_it(
    api: RunningApi, http: Http, acme: Created, globex: Created
) -> None:
    mara, other = join(api, acme.org_id, Role.MEMBER), join(api, acme.org_id, Role.MEMBER)
    admin, foreign = join(api, acme.org_id, Role.ADMIN), join(api, globex.org_id, Role.ADMIN)
    boss = Http(api.base_url, join(api, globex.org_id, Role.OWNER))
    path = offered(http, mara.user_id)

    http.post(f"/team/members/{other.user_id}/role", data={"role": "viewer"})
    http.post(f"/team/members/{other.user_id}/remove")
    http.post(f"/team/members/{admin.user_id}/role", data={"role": "owner"})
    boss.post(f"/team/members/{foreign.user_id}/remove")

    assert Http(api.base_url, None).post(path, data={"password": NEW}).status_code == 303


def test_a_link_wants_a_fresh_proof(api: RunningApi, http: Http, owner: SignedIn) -> None:
    proved_long_ago(api, owner)

    answer = http.post(f"/team/members/{owner.user_id}/reset")

    assert (answer.status_code, "Is it still you?" in answer.text) == (403, True)


def test_a_link_is_an_hour_old_at_most_and_none_of_a_disabled_person_works(
    api: RunningApi, http: Http, acme: Created
) -> None:
    mara = join(api, acme.org_id, Role.MEMBER)
    path = offered(http, mara.user_id)

    async def later(services: Services) -> list[str]:
        ends = []
        for clock in (LINK_LIFE - timedelta(seconds=5), LINK_LIFE):
            at = services.resets.clock() + clock
            aged: Resets = replace(services.resets, clock=lambda at=at: at)
            try:
                await aged.find(path.rpartition("/")[2])
                ends.append("works")
            except Exception as error:  # noqa: BLE001 - named below
                ends.append(type(error).__name__)
        await services.accounts.disable(mara.email, actor_id="test")
        return ends

    assert with_services(api, later) == ["works", "NotFound"]
    assert Http(api.base_url, None).get(path).status_code == 404


def test_whoever_runs_the_installation_makes_a_link_for_anybody(
    api: RunningApi, owner: SignedIn
) -> None:
    async def run(services: Services) -> str:
        return (await services.resets.offer_to(f" {owner.email.upper()}", actor_id="test")).secret

    secret = with_services(api, run)

    answer = Http(api.base_url, None).post(f"/reset/{secret}", data={"password": NEW})
    assert answer.status_code == 303
    assert signs_in(api, owner, NEW)


def test_without_a_mail_server_the_page_says_whom_to_ask(api: RunningApi) -> None:
    nobody = Http(api.base_url, None)

    for answer in (nobody.get("/forgot"), nobody.post("/forgot", data={"email": "a@b.example"})):
        assert answer.status_code == 200
        assert "This Packshot sends no mail" in answer.text


def test_a_mail_brings_the_link_and_the_answer_is_the_same_for_nobody(
    api: RunningApi, mailing: RunningApi, mailbox: Mailbox, owner: SignedIn
) -> None:
    nobody = Http(mailing.base_url, None)
    came = len(mailbox.mails)

    for_nobody = nobody.post("/forgot", data={"email": "nobody@example.com"})
    for_owner = nobody.post("/forgot", data={"email": owner.email})

    mail = mailbox.wait_for(came + 1)[-1]
    assert (mail["to"], mail["from"]) == (owner.email, "packshot@example.com")
    text = mail.get_content()  # type: ignore[attr-defined]
    link = LINK.findall(text)[0]
    assert f"{mailing.settings.public_url}{link}" in text
    told = [
        re.sub(r'nonce="[^"]*"', "", answer.text.replace(email, "…"))
        for answer, email in ((for_nobody, "nobody@example.com"), (for_owner, owner.email))
    ]
    assert told[0] == told[1]
    assert for_nobody.status_code == for_owner.status_code == 200
    assert nobody.post(link, data={"password": NEW}).status_code == 303
    assert signs_in(api, owner, NEW)
    assert len(mailbox.mails) == came + 1
    logged = b"".join(mailing.log.raw).decode()
    assert owner.email not in logged
    assert link not in logged


def test_no_mailbox_is_flooded(mailing: RunningApi, owner: SignedIn) -> None:
    nobody = Http(mailing.base_url, None)

    tries = [nobody.post("/forgot", data={"email": owner.email}).status_code for _ in range(4)]

    assert tries == [200] * 3 + [429]


def test_a_mail_that_is_not_taken_is_told_to_the_log_without_the_address(
    mailing: RunningApi, mailbox: Mailbox, owner: SignedIn
) -> None:
    mailbox.refuses = True
    try:
        answer = Http(mailing.base_url, None).post("/forgot", data={"email": owner.email})
        mailbox.wait_for_refused()
        line = mailing.log.wait_for(event="mail_failed")
    finally:
        mailbox.refuses = False

    assert answer.status_code == 200
    assert line["reason"] == "SMTPRecipientsRefused"
    assert owner.email not in b"".join(mailing.log.raw).decode()


def test_a_name_of_another_host_is_no_part_of_the_mail(
    mailing: RunningApi, mailbox: Mailbox, owner: SignedIn
) -> None:
    came = len(mailbox.mails)
    evil = {"host": "evil.example", "origin": "http://evil.example"}

    answer = Http(mailing.base_url, None).post("/forgot", data={"email": owner.email}, headers=evil)

    assert answer.status_code == 200
    assert "evil" not in mailbox.wait_for(came + 1)[-1].as_string()
