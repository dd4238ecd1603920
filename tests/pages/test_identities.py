"""Signing in through a provider: who is let in, and every way in which its word does not count."""

import html
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import Browser

from api.server import RunningApi, running_api
from domain.roles import Role
from installation import free_port
from issuer import (
    CLIENT_ID,
    CLIENT_SECRET,
    Issuer,
    an_issuer,
    signed_by_another,
    signed_by_nobody,
    signed_with_the_public_key,
)
from packshot.commands.identities import JOURNEY_LIFE
from packshot.commands.organizations import Created
from packshot.wiring import Services
from pages.conftest import PASSWORD, Http, SignedIn, join, with_services
from pages.looking import a_page, assert_sound, keep_picture
from pages.test_account import proved_long_ago
from pages.test_sign_in import cookie_of, link_to


@pytest.fixture(scope="module")
def running_issuer() -> Iterator[Issuer]:
    with an_issuer() as running:
        yield running


@pytest.fixture
def issuer(running_issuer: Issuer) -> Iterator[Issuer]:
    """The provider, honest at first, whose person nobody knows yet."""
    running_issuer.claims = {"sub": f"subject-{time.monotonic_ns()}"}
    running_issuer.claims["email"] = f"{running_issuer.claims['sub']}@issuer.example"
    yield running_issuer
    running_issuer.is_honest_again()


@pytest.fixture(scope="module")
def linking(api: RunningApi, running_issuer: Issuer) -> Iterator[RunningApi]:
    """The same installation, with a provider."""
    port = free_port()
    settings = replace(
        api.settings,
        public_url=f"http://127.0.0.1:{port}",
        oidc_issuer=running_issuer.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="Issuer & Sons",
        allowed_private=f"127.0.0.1/32:{urlsplit(running_issuer.url).port}",
    )
    with running_api(settings, port=port) as running:
        yield running


class Traveller(Http):
    """A browser that goes to the provider and comes back."""

    def depart(self, address: str, /, **fields: str) -> str:
        """The provider's address that a page leads to."""
        answer = self.post(address, data=fields)
        assert answer.status_code == 200, answer.text
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)
        assert found is not None
        self.keep(answer)
        return html.unescape(found[1])

    def back(self, address: str) -> str:
        """Our address that the provider sends the browser to, without our origin."""
        answer = requests.get(address, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text
        location = answer.headers["location"]
        assert location.startswith(self.base_url)
        return location.removeprefix(self.base_url)

    def travel(self, address: str, /, **fields: str) -> requests.Response:
        """There and back."""
        return self.get(self.back(self.depart(address, **fields)))

    def keep(self, answer: requests.Response) -> None:
        """Keep the cookie of the journey beside that of the session."""
        journey = re.search(r"oidc=[^;]+", answer.headers["set-cookie"])
        assert journey is not None
        mine = [one for one in self.headers.get("cookie", "").split("; ") if "session" in one]
        self.headers["cookie"] = "; ".join([*mine, journey[0]])


@pytest.fixture
def nobody(linking: RunningApi) -> Traveller:
    return Traveller(linking.base_url, None)


def linked(linking: RunningApi, person: SignedIn) -> Traveller:
    """A person who has linked the account of the provider."""
    theirs = Traveller(linking.base_url, person)
    answer = theirs.travel("/account/oidc")
    assert answer.headers.get("location") == "/account?done=linked", answer.text
    return theirs


def refused(answer: requests.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words in html.unescape(answer.text)
    assert "session=" not in answer.headers.get("set-cookie", "")


NOT_BELIEVED = "did not say who you are in a way that counts"
NOT_BEGUN = "This journey was not begun by this browser, or it is over."
NOBODYS = "Nobody who may sign in here is linked to this account of Issuer & Sons."


@pytest.mark.browser
def test_the_happy_path_in_a_browser(
    browser: Browser, linking: RunningApi, issuer: Issuer, owner: SignedIn, acme: Created,
    pictures_folder: Path | None,
) -> None:  # fmt: skip
    with a_page(browser, linking.base_url, session=owner.session) as watched:
        page = watched.page
        watched.go("/account")
        keep_picture(watched, pictures_folder, "oidc-account")
        assert_sound(watched)
        page.click("text=Link Issuer & Sons")
        page.wait_for_url("**/account?done=linked")
        keep_picture(watched, pictures_folder, "oidc-linked")
        watched.complaints.clear()  # the provider is another host, and meant
        assert_sound(watched)
        page.click("details.me summary")
        page.click("text=Sign out")
        page.wait_for_url("**/sign-in")
        watched.go("/team")
        keep_picture(watched, pictures_folder, "oidc-sign-in")
        assert_sound(watched)
        page.click("text=Sign in with Issuer & Sons")
        page.wait_for_url("**/team")
        cookie = next(c for c in page.context.cookies() if c["name"] == "session")
        proved_long_ago(linking, replace(owner, session=cookie["value"]))
        page.click("text=Invite by link")
        page.click("dialog[open] button.pri")
        keep_picture(watched, pictures_folder, "oidc-confirm")
        watched.complaints.clear()
        assert_sound(watched)
        page.click("text=Confirm with")
        page.wait_for_selector("h1:has-text('It is you')")
        keep_picture(watched, pictures_folder, "oidc-confirmed")
        watched.complaints.clear()
        assert_sound(watched)
        page.click("text=Go on with it")
        page.wait_for_selector("#fresh-link")
    issuer.claims = {"sub": "a new person", "email": "new@issuer.example", "name": "Nia <b>New</b>"}
    with a_page(browser, linking.base_url, session=None) as watched:
        watched.go(link_to(linking, acme.org_id, Role.VIEWER))
        keep_picture(watched, pictures_folder, "oidc-join")
        assert_sound(watched)
        watched.page.click("text=Join with Issuer & Sons")
        watched.page.wait_for_url("**/studio")
        watched.go("/account")
        assert "Nia <b>New</b>" in (watched.page.text_content("main") or "")
        assert "Set password" in (watched.page.text_content("main") or "")
        keep_picture(watched, pictures_folder, "oidc-without-a-password")
        watched.complaints.clear()
        assert_sound(watched)


def test_the_question_to_the_provider_says_all_it_must(
    linking: RunningApi, issuer: Issuer, nobody: Traveller
) -> None:
    one, other = nobody.depart("/sign-in/oidc"), nobody.depart("/sign-in/oidc")

    asked, again = ({k: v[0] for k, v in parse_qs(urlsplit(a).query).items()} for a in (one, other))
    assert one.startswith(f"{issuer.url}/authorize?")
    assert asked["redirect_uri"] == f"{linking.base_url}/sign-in/oidc/callback"
    assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
    assert asked["code_challenge_method"] == "S256"
    assert "openid" in asked["scope"].split()
    assert not {asked[n] for n in ("state", "nonce", "code_challenge")} & set(again.values())
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43


def test_a_host_that_the_browser_names_is_no_way_back(
    linking: RunningApi, issuer: Issuer, nobody: Traveller
) -> None:
    nobody.headers |= {"host": "evil.example", "origin": "http://evil.example"}

    address = nobody.depart("/sign-in/oidc")

    assert "evil" not in address


@pytest.mark.parametrize(
    ("wanted", "location"),
    [("/team", "/team"), ("//evil.example", "/studio"), ("https://evil.example", "/studio")],
)
def test_signing_in_leads_to_pages_of_ours_only(
    linking: RunningApi, issuer: Issuer, owner: SignedIn, nobody: Traveller,
    wanted: str, location: str,
) -> None:  # fmt: skip
    linked(linking, owner)

    answer = nobody.travel("/sign-in/oidc", next=wanted)

    assert (answer.status_code, answer.headers["location"]) == (303, location)
    assert cookie_of(answer) not in {"", owner.session}


def test_who_is_linked_to_nobody_is_not_let_in_whatever_their_address(
    linking: RunningApi, issuer: Issuer, owner: SignedIn, nobody: Traveller
) -> None:
    issuer.claims |= {"email": owner.email, "email_verified": True}

    refused(nobody.travel("/sign-in/oidc"), 401, NOBODYS)


def test_an_address_of_an_account_joins_nothing_and_takes_nobody_over(
    api: RunningApi, linking: RunningApi, issuer: Issuer, owner: SignedIn,
    globex: Created, nobody: Traveller,
) -> None:  # fmt: skip
    issuer.claims |= {"email": owner.email.upper()}
    path = link_to(api, globex.org_id)

    answer = nobody.travel(f"{path}/oidc")

    refused(answer, 409, "There is an account with this e-mail address already.")
    assert nobody.get(path).status_code == 200  # the link still works
    refused(nobody.travel("/sign-in/oidc"), 401, NOBODYS)


@pytest.mark.parametrize("claims", [{"email": None}, {"email_verified": False}, {"email": "none"}])
def test_nobody_joins_without_an_address_that_the_provider_stands_by(
    api: RunningApi, linking: RunningApi, issuer: Issuer, acme: Created, nobody: Traveller,
    claims: dict[str, Any],
) -> None:  # fmt: skip
    issuer.claims |= claims

    answer = nobody.travel(f"{link_to(api, acme.org_id)}/oidc")

    refused(answer, 422, "tells no name or no e-mail address")


def test_who_joined_by_the_provider_signs_in_joins_elsewhere_and_keeps_a_way_in(
    api: RunningApi, linking: RunningApi, issuer: Issuer, acme: Created, globex: Created,
    nobody: Traveller,
) -> None:  # fmt: skip
    joined = nobody.travel(f"{link_to(api, acme.org_id, Role.ADMIN)}/oidc")
    also = nobody.travel(f"{link_to(api, globex.org_id, Role.VIEWER)}/oidc")
    again = nobody.travel("/sign-in/oidc", next="/account")

    assert {a.status_code for a in (joined, also, again)} == {303}
    headers = {"cookie": f"session={cookie_of(again)}"}
    page = nobody.get("/account", headers=headers).text
    assert "Acme" in page
    assert "Globex" in page
    assert "Set a password before you unlink it" in page
    by_password = {"email": issuer.claims["email"], "password": ""}
    assert nobody.post("/sign-in", data=by_password).status_code == 401


def test_an_account_of_the_provider_is_linked_to_one_person_and_unlinked_again(
    api: RunningApi, linking: RunningApi, issuer: Issuer, owner: SignedIn, acme: Created,
    nobody: Traveller,
) -> None:  # fmt: skip
    theirs = linked(linking, owner)
    mara = Traveller(linking.base_url, join(api, acme.org_id, Role.VIEWER))

    taken = mara.travel("/account/oidc")
    refused(taken, 409, "is linked already")
    unlinked = theirs.post("/account/oidc/unlink", data={"issuer": issuer.url})
    again = theirs.post("/account/oidc/unlink", data={"issuer": issuer.url})

    assert (unlinked.status_code, again.status_code) == (303, 409)
    refused(nobody.travel("/sign-in/oidc"), 401, NOBODYS)


def test_who_is_disabled_or_belongs_nowhere_is_not_let_in(
    linking: RunningApi, issuer: Issuer, api: RunningApi, acme: Created, http: Http,
    nobody: Traveller,
) -> None:  # fmt: skip
    mara = join(api, acme.org_id, Role.MEMBER)
    linked(linking, mara)

    async def disable(services: Services) -> None:
        await services.accounts.disable(mara.email, actor_id="test")

    async def enable(services: Services) -> None:
        await services.accounts.enable(mara.email, actor_id="test")

    with_services(api, disable)
    refused(nobody.travel("/sign-in/oidc"), 401, NOBODYS)
    with_services(api, enable)
    assert nobody.travel("/sign-in/oidc").status_code == 303
    assert http.post(f"/team/members/{mara.user_id}/remove").status_code == 303
    refused(nobody.travel("/sign-in/oidc"), 401, NOBODYS)


def test_a_journey_ends_once_in_the_browser_that_began_it(
    linking: RunningApi, issuer: Issuer, owner: SignedIn, nobody: Traveller
) -> None:
    linked(linking, owner)
    back = nobody.back(nobody.depart("/sign-in/oidc"))
    thief = Traveller(linking.base_url, None)
    thief.depart("/sign-in/oidc")

    stolen = thief.get(back)  # another browser, with a journey of its own
    bare = Http(linking.base_url, None).get(back)  # and one without
    swapped = nobody.get(re.sub(r"state=[^&]+", "state=another", back))
    mine = nobody.get(back)
    replayed = nobody.get(back)

    for answer in (stolen, bare, swapped, replayed):
        refused(answer, 401, NOT_BEGUN)
    assert mine.status_code == 303


def test_a_code_of_somebody_else_is_worth_nothing_here(
    linking: RunningApi, issuer: Issuer, owner: SignedIn, nobody: Traveller
) -> None:
    """Injected into a journey of one's own: verifier and nonce are of another browser."""
    linked(linking, owner)
    victims = nobody.back(nobody.depart("/sign-in/oidc"))
    code = parse_qs(urlsplit(victims).query)["code"][0]
    thief = Traveller(linking.base_url, None)
    mine = thief.back(thief.depart("/sign-in/oidc"))

    answer = thief.get(re.sub(r"code=[^&]+", f"code={code}", mine))

    refused(answer, 401, NOT_BELIEVED)


def test_a_journey_is_over_after_ten_minutes(
    api: RunningApi, linking: RunningApi, issuer: Issuer, nobody: Traveller
) -> None:
    back = nobody.back(nobody.depart("/sign-in/oidc"))

    async def age(services: Services) -> None:
        later = services.sessions.clock() - JOURNEY_LIFE
        async with services.store.pools.writing() as connection:
            await connection.execute(
                "WITH old AS (DELETE FROM work.oidc_journey RETURNING *) "
                "INSERT INTO work.oidc_journey SELECT tenant_id, state_hash, browser_hash, purpose,"
                " user_id, link_hash, going_on, act, $1::timestamptz, $2::timestamptz FROM old",
                later,
                later + JOURNEY_LIFE,
            )

    with_services(api, age)

    refused(nobody.get(back), 401, NOT_BEGUN)


def lie(**claims: Any) -> Callable[[Issuer], None]:
    def tell(issuer: Issuer) -> None:
        issuer.claims |= claims

    return tell


def sign(how: Callable[[dict[str, Any]], str]) -> Callable[[Issuer], None]:
    def tell(issuer: Issuer) -> None:
        issuer.sign = how

    return tell


def come_back(**told: str | None) -> Callable[[Issuer], None]:
    def tell(issuer: Issuer) -> None:
        issuer.comes_back = told

    return tell


LONG_AGO = int(time.time()) - 7200
LIES = {
    "nonce wrong": lie(nonce="another"),
    "nonce missing": lie(nonce=None),
    "another issuer in the token": lie(iss="https://evil.example"),
    "another audience": lie(aud="another client"),
    "several audiences and no party": lie(aud=[CLIENT_ID, "another client"]),
    "another party": lie(aud=[CLIENT_ID, "another client"], azp="another client"),
    "expired": lie(exp=LONG_AGO),
    "expiry missing": lie(exp=None),
    "expiry a text": lie(exp="never"),
    "issued tomorrow": lie(iat=int(time.time()) + 90_000),
    "no subject": lie(sub=None),
    "signed by nobody": sign(signed_by_nobody),
    "signed by another": sign(signed_by_another),
    "signed with the public key": sign(signed_with_the_public_key),
    "no token": sign(lambda _claims: "no token"),
    "mixed up": come_back(iss="https://evil.example"),
    "issuer not told": come_back(iss=None),
    "a code that is none": come_back(code="none"),
    "no": come_back(code=None, error="access_denied"),
}


@pytest.mark.parametrize("how", LIES)
def test_the_providers_word_counts_only_whole(
    linking: RunningApi, issuer: Issuer, owner: SignedIn, nobody: Traveller, how: str
) -> None:
    linked(linking, owner)
    LIES[how](issuer)

    answer = nobody.travel("/sign-in/oidc")

    refused(answer, 401, NOT_BELIEVED)
    logged = b"".join(linking.log.raw).decode()
    assert owner.email not in logged
    assert "canary" not in logged


def test_another_link_was_begun_by_another_person(
    api: RunningApi, linking: RunningApi, issuer: Issuer, owner: SignedIn, acme: Created
) -> None:
    """Somebody else signs in at this browser between the two halves of a journey."""
    mine = Traveller(linking.base_url, owner)
    back = mine.back(mine.depart("/account/oidc"))
    mara = join(api, acme.org_id, Role.VIEWER)
    journey = mine.headers["cookie"].split("; ")[1]

    answer = mine.get(back, headers={"cookie": f"session={mara.session}; {journey}"})

    refused(answer, 401, "Somebody else is signed in here now")


def test_a_link_wants_a_fresh_proof_and_a_page_of_ours(
    api: RunningApi, linking: RunningApi, issuer: Issuer, owner: SignedIn
) -> None:
    mine = Traveller(linking.base_url, owner)
    proved_long_ago(api, owner)

    asked = mine.post("/account/oidc")
    foreign = mine.post("/account/oidc", headers={"origin": "https://evil.example"})

    assert (asked.status_code, "Is it still you?" in asked.text) == (403, True)
    assert foreign.status_code == 403


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"auth_time": LONG_AGO}, NOT_BELIEVED),
        ({"auth_time": None}, NOT_BELIEVED),
        ({"sub": "somebody else"}, "You came back as somebody else."),
    ],
)
def test_a_proof_is_a_new_one_of_the_same_person(
    api: RunningApi, linking: RunningApi, issuer: Issuer, owner: SignedIn,
    claims: dict[str, Any], words: str,
) -> None:  # fmt: skip
    mine = linked(linking, owner)
    proved_long_ago(api, owner)
    question = mine.post("/team/invites", data={"role": "viewer"}).text
    found = re.search(r'name="proofAct" value="([^"]+)"', question)
    assert found is not None
    issuer.claims |= claims

    answer = mine.travel("/account/oidc/prove", proofAct=found[1], path="/team/invites")

    refused(answer, 401, words)
    assert "prompt=login" in mine.depart(
        "/account/oidc/prove", proofAct=found[1], path="//evil.example"
    )
    assert mine.post("/team/invites", data={"role": "viewer"}).status_code == 403


PAGES_OF_TROUBLE = {
    "html": (200, "text/html", b"<h1>Welcome</h1>"),
    "endless": (200, "application/json", b'{"issuer":"' + b"x" * 1_000_000),
    "a list": (200, "application/json", b"[]"),
    "deep": (200, "application/json", b"[" * 100_000),
    "broken": (500, "application/json", b"{}"),
    "elsewhere": (302, "text/html", b""),
}


@pytest.mark.parametrize("page", PAGES_OF_TROUBLE)
def test_a_provider_in_trouble_lets_nobody_in(
    linking: RunningApi, issuer: Issuer, nobody: Traveller, page: str
) -> None:
    back = nobody.back(nobody.depart("/sign-in/oidc"))
    issuer.page = PAGES_OF_TROUBLE[page]

    answer = nobody.get(back)

    assert answer.status_code in {401, 502}
    assert "session=" not in answer.headers.get("set-cookie", "")
    assert "Welcome" not in answer.text


def test_without_a_provider_there_is_no_way_through_it(http: Http) -> None:
    nobody = Http(http.base_url, None)

    assert "Sign in with" not in nobody.get("/sign-in").text
    assert nobody.post("/sign-in/oidc").status_code == 404
    assert nobody.get("/sign-in/oidc/callback?code=x&state=y").status_code == 404
    assert http.post("/account/oidc").status_code == 404
    assert PASSWORD not in nobody.get("/sign-in").text
