"""Signing in and joining: sound to look at, closed to other sites, and silent about accounts."""

import asyncio
import re
from itertools import product
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from api.server import RunningApi
from domain.ids import OrgId
from domain.recorded import Actor, Context
from domain.roles import Role
from packshot.app import PAGES
from packshot.commands.organizations import Created
from packshot.wiring import Services
from pages.conftest import PASSWORD, Http, Opener, SignedIn, apart, join, with_services
from pages.looking import Watched, assert_sound, keep_picture
from services import RunningServices

LONG_NAME = "Wilhelmina Featherstonehaugh-Cholmondeley-Majoribanks the Younger of Upper Slaughter"


def link_to(api: RunningApi, org_id: OrgId, role: Role = Role.MEMBER) -> str:
    """The path of a new link."""

    async def run(services: Services) -> str:
        context = Context(org_id, Actor("system", "test"), "test", correlation_id="test")
        return (await services.people.invite(context, role)).secret

    return f"/join/{with_services(api, run)}"


def wish(**changed: str) -> dict[str, str]:
    return {"name": "Ann", "email": "ann@example.com", "password": PASSWORD} | changed


def cookie_of(answer: object) -> str:
    found = re.search(r"session=([^;]*)", answer.headers.get("set-cookie", ""))  # type: ignore[attr-defined]
    assert found is not None
    return found[1]


@pytest.mark.browser
def test_every_state_is_sound(
    open_page: Opener, api: RunningApi, acme: Created, globex: Created,
    pictures_folder: Path | None,
) -> None:  # fmt: skip
    path = link_to(api, acme.org_id, Role.ADMIN)
    watched = open_page("/sign-in", person=None)

    def look(name: str, watched: Watched = watched) -> None:
        keep_picture(watched, pictures_folder, f"{name}")
        assert_sound(watched)

    watched.page.fill("[name=email]", "nobody@example.com")
    watched.page.fill("[name=password]", "not the password")
    watched.page.click("main button")
    look("sign-in-wrong")
    for _ in range(5):
        watched.page.fill("[name=password]", "not the password")
        watched.page.click("main button")
    assert "Too many tries" in (watched.page.text_content("[role=alert]") or "")
    look("sign-in-too-often")
    watched.go("/join/no-such-link")
    look("link-over")
    watched.go(path)
    look("join")
    watched.page.fill("[name=name]", LONG_NAME)
    watched.page.fill("[name=email]", "long@example.com")
    watched.page.eval_on_selector("form", "form => { form.noValidate = true }")
    watched.page.fill("[name=password]", "short")
    watched.page.click("main form button")
    look("join-refused")
    here = open_page(path)
    look("join-as-member", here)
    here.go(link_to(api, globex.org_id))
    assert "added to your account" in here.page.locator("main").inner_text()
    look("join-signed-in", here)


@pytest.mark.browser
def test_a_new_person_comes_by_the_link_goes_and_comes_back_by_the_password(
    open_page: Opener, api: RunningApi, acme: Created
) -> None:
    watched = open_page(link_to(api, acme.org_id), person=None)
    page = watched.page

    page.fill("[name=name]", "Ann Löw")
    page.fill("[name=email]", "ann.loew@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("main form button")
    page.wait_for_url("**/studio")
    watched.go("/team")
    assert "Ann Löw" in (page.text_content("table") or "")
    page.click("details.me summary")
    page.click("text=Sign out")
    page.wait_for_url("**/sign-in")
    watched.go("/team")
    page.wait_for_url("**/sign-in?next=/team")
    page.fill("[name=email]", "ann.loew@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/team")


def test_a_known_and_an_unknown_address_are_refused_in_the_same_words(
    http: Http, owner: SignedIn
) -> None:
    nobody = Http(http.base_url, None)
    told = [
        nobody.post("/sign-in", data={"email": email, "password": "not the password"})
        for email in (owner.email, "nobody@example.com", "nobody@example.org")
    ]

    bodies = {
        re.sub(r"nonce=\"[^\"]*\"", "", answer.text).replace(answer.request.body or "", "")
        for answer in told
    }
    known, *others = [re.sub(r'value="[^"]*"', "", body) for body in sorted(bodies)]
    assert {answer.status_code for answer in told} == {401}
    assert set(others) == {known}
    assert "set-cookie" not in told[0].headers


def test_no_header_tells_whether_somebody_else_tries_an_account(
    http: Http, owner: SignedIn, api: RunningApi, acme: Created
) -> None:
    nobody = Http(http.base_url, None)
    wrong = {"email": owner.email, "password": "not the password"}

    answers = [
        nobody.post("/sign-in", data=wrong),
        nobody.post("/sign-in", data=wrong),
        nobody.post(link_to(api, acme.org_id), data=wish(email=owner.email)),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 409]
    for answer in answers:
        assert answer.headers["ratelimit"].startswith('"sign-in-address"')
        assert answer.headers["x-ratelimit-limit"] == "20"


def test_an_account_is_tried_five_times_then_waits_and_others_do_not(
    http: Http, owner: SignedIn
) -> None:
    nobody = Http(http.base_url, None)
    wrong = {"email": f" {owner.email.upper()} ", "password": "not the password"}

    tries = [nobody.post("/sign-in", data=wrong) for _ in range(6)]
    right = nobody.post("/sign-in", data={"email": owner.email, "password": PASSWORD})
    other = nobody.post("/sign-in", data={"email": "other@example.com", "password": "x"})

    assert [answer.status_code for answer in tries] == [401] * 5 + [429]
    assert right.status_code == 429
    wait_s = int(right.headers["retry-after"])
    assert f"Wait {wait_s} second" in right.text
    assert 1 <= wait_s <= 12
    assert other.status_code == 401


def test_one_address_tries_twenty_accounts(http: Http) -> None:
    nobody = Http(http.base_url, None)

    for number in range(100):  # some more than twenty, for the while that they take
        wrong = {"email": f"{number}@example.com", "password": "x"}
        if nobody.post("/sign-in", data=wrong).status_code == 429:
            break

    assert 20 <= number < 99


ORIGINS = ("own", "https://evil.example", "null", "http://[", None)
SITES = ("same-origin", "none", "same-site", "cross-site", None)


def posts() -> list[str]:
    """Where pages send changes to, each address once."""
    return sorted({re.sub(r"{\w+}", "none", one.path) for one in PAGES if one.method == "POST"})


def test_no_page_takes_a_change_from_elsewhere(http: Http) -> None:
    """Every address from every foreign origin: refused before anything is read."""
    foreign = [
        (http.base_url if origin == "own" else origin, site)
        for origin, site in product(ORIGINS, SITES)
        if origin not in {"own", None}
        or site in {"same-site", "cross-site"}
        or (origin, site) == (None, None)
    ]
    assert len(foreign) == 20
    assert len(posts()) > 20

    for path, (origin, site) in product(posts(), foreign):
        answer = http.post(path, headers={"origin": origin, "sec-fetch-site": site})
        assert answer.status_code == 403, (path, origin, site)
        assert "This form was not sent by a page of this Packshot" in answer.text
    assert http.get("/account").status_code == 200  # nobody was signed out


def test_no_page_of_a_session_takes_a_change_without_its_token(http: Http) -> None:
    for path in posts():
        answer = http.post(path, headers={"x-page-token": None})
        assert answer.status_code == 403, path


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/team/invites", "/organization"])
def test_a_change_comes_from_a_page_of_ours_whatever_it_says_it_comes_from(
    http: Http, path: str
) -> None:
    for origin, site in product(ORIGINS, SITES):
        said = http.base_url if origin == "own" else origin
        headers = {"origin": said, "sec-fetch-site": site, "x-page-token": "wrong"}
        answer = http.post(path, headers=headers)
        assert answer.status_code == 403, (path, origin, site)  # ours would need the token

        is_ours = origin in {"own", None} and site in {"same-origin", "none", None}
        is_ours = is_ours and (origin, site) != (None, None)
        read = http.get("/team", headers={"origin": said, "sec-fetch-site": site})
        assert read.status_code == 200
        if path == "/sign-in":
            nobody = Http(http.base_url, None)
            wrong = {"email": f"{origin}{site}@example.com", "password": "x"}
            sent = nobody.post(path, data=wrong, headers=headers)
            assert (sent.status_code != 403) is is_ours, (origin, site)


@pytest.mark.parametrize("token", [None, "", "wrong", "0" * 64, "é"])
def test_a_change_carries_the_token_of_its_session(http: Http, token: str | None) -> None:
    sent = {"x-page-token": None}
    data = {"role": "viewer"} if token is None else {"role": "viewer", "pageToken": token}

    assert http.post("/team/invites", data=data, headers=sent).status_code == 403


def test_a_page_of_another_organization_changes_nothing(
    api: RunningApi, http: Http, owner: SignedIn, globex: Created
) -> None:
    """Opened before another tab went on to another organization."""
    path = link_to(api, globex.org_id, Role.OWNER)
    joined = http.post(path)
    elsewhere = cookie_of(joined)

    stale = http.post(
        "/team/invites", data={"role": "owner"}, headers={"cookie": f"session={elsewhere}"}
    )

    assert joined.status_code == 303
    assert stale.status_code == 403


def test_a_planted_session_is_worth_nothing_and_signing_in_makes_a_new_one(
    http: Http, owner: SignedIn
) -> None:
    planted = "planted-by-somebody-else"
    sent = {"cookie": f"session={planted}"}
    nobody = Http(http.base_url, None)

    before = nobody.get("/team", headers=sent)
    answer = nobody.post(
        "/sign-in", data={"email": owner.email, "password": PASSWORD}, headers=sent
    )

    assert before.status_code == 303
    assert answer.status_code == 303
    assert cookie_of(answer) != planted
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert nobody.get("/team", headers=sent).status_code == 303
    assert nobody.get("/team", headers={"cookie": cookie.split(";")[0]}).status_code == 200


def test_signing_out_ends_the_session_at_the_server(http: Http) -> None:
    assert http.get("/team").status_code == 200

    out = http.post("/sign-out")

    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert cookie_of(out) == ""
    assert http.get("/team").status_code == 303


@pytest.mark.parametrize(
    ("following", "location"),
    [("/join/somewhere", "/join/somewhere"), ("//evil.example", "/studio")],
)
def test_signing_out_goes_on_at_an_address_of_ours(
    http: Http, following: str, location: str
) -> None:
    out = http.post("/sign-out", data={"next": following})

    assert (out.status_code, out.headers["location"]) == (303, location)
    assert cookie_of(out) == ""


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/team", "/team"),
        ("/jobs?status=failed&q=é", "/jobs?status=failed&q=%C3%A9"),
        ("/catalog?q=50%25", "/catalog?q=50%25"),
        ("//evil.example/x", "/studio"),
        (" //evil.example", "/studio"),
        ("///evil.example", "/studio"),
        ("//[", "/studio"),
        ("/\\evil.example", "/studio"),
        ("\\\\evil.example", "/studio"),
        ("https://evil.example/", "/studio"),
        ("https:evil.example", "/studio"),
        ("javascript:alert(1)", "/studio"),
        ("evil.example", "/studio"),
        ("", "/studio"),
        ("/.//evil.example", "/.//evil.example"),  # a path: it stays on this host
        ("/\u202e", "/studio"),
        ("/#x", "/"),
    ],
)
def test_signing_in_leads_to_pages_of_ours_only(
    http: Http, owner: SignedIn, wanted: str, location: str
) -> None:
    known = {"email": owner.email, "password": PASSWORD}
    answer = Http(http.base_url, None).post("/sign-in", data=known | {"next": wanted})
    already = http.get(f"/sign-in?next={quote(wanted)}")

    assert (answer.status_code, answer.headers["location"]) == (303, location)
    assert (already.status_code, already.headers["location"]) == (303, location)


def test_a_part_of_a_page_that_came_from_nowhere_leads_to_signing_in(http: Http) -> None:
    part = {"hx-request": "true", "hx-current-url": "http://["}

    answer = Http(http.base_url, None).get("/team", headers=part)

    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/sign-in")


def test_a_line_break_in_next_is_no_header(http: Http) -> None:
    answer = http.get("/sign-in?next=/x%0d%0aset-cookie:%20session=planted")

    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "password", ["canary\x00battery-staple", "canary\nbattery-staple", "canary-" * 200]
)
def test_no_refusal_shows_a_password(
    api: RunningApi, http: Http, acme: Created, password: str
) -> None:
    nobody = Http(http.base_url, None)
    path = link_to(api, acme.org_id)

    answers = [
        nobody.post("/sign-in", data={"email": "a@example.com", "password": password}),
        nobody.post("/sign-in", data=[("password", password), ("password", "canary")]),
        nobody.post(path, data=wish(password=password)),
        nobody.post(path, data=[*wish().items(), ("password", "canary")]),
        nobody.post(path, data=wish(password="canary")),
    ]

    assert {answer.status_code for answer in answers} == {422}
    assert not any("canary" in answer.text for answer in answers)


def test_a_link_that_is_over_is_told_alike_whatever_ended_it(
    api: RunningApi, http: Http, acme: Created
) -> None:
    path = link_to(api, acme.org_id)
    used = Http(http.base_url, None).post(path, data=wish(email="used@example.com"))
    assert used.status_code == 303
    nobody = Http(http.base_url, None)

    answers = [
        nobody.get(path),
        nobody.get("/join/never-was-one"),
        nobody.post(path, data=wish(email="late@example.com")),
        nobody.post("/join/never-was-one", data=wish()),
        nobody.get("/join/%FF%00%2e%2e"),
        http.get(path),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert all("This link does not work any more" in answer.text for answer in answers)


def test_joining_tells_no_more_of_accounts_than_a_few_tries(
    api: RunningApi, http: Http, owner: SignedIn, globex: Created
) -> None:
    nobody = Http(http.base_url, None)
    path = link_to(api, globex.org_id)

    short = nobody.post(path, data=wish(email=owner.email, password="short"))
    tries = [
        nobody.post(
            path, data=wish(email=f"{n}-{owner.email}" if n else owner.email, password="y" * 12)
        )
        for n in [0] * 5
    ]
    over = nobody.post(path, data=wish(email="somebody.else@example.com"))

    assert short.status_code == 422
    assert [answer.status_code for answer in tries] == [401] * 5
    assert over.status_code == 429
    assert "tried too often" in over.text
    assert "ask for a new one" in over.text


def test_who_has_an_account_joins_with_its_password(
    api: RunningApi, http: Http, owner: SignedIn, globex: Created
) -> None:
    path = link_to(api, globex.org_id, Role.VIEWER)

    answer = Http(http.base_url, None).post(path, data=wish(email=owner.email))
    team = Http(http.base_url, None).get(
        "/team", headers={"cookie": f"session={cookie_of(answer)}"}
    )

    assert answer.status_code == 303
    assert owner.email in team.text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'A"onload="x', "מרה", "Ann 👩\u200d🚀"]
)
def test_names_are_shown_as_they_are_and_run_nothing(
    api: RunningApi, acme: Created, name: str
) -> None:
    person = join(api, acme.org_id, Role.OWNER, name=name)

    team = Http(api.base_url, person).get("/team")

    assert team.status_code == 200
    assert "<script>alert" not in team.text
    assert '"onload="' not in team.text
    if name.isalpha():
        assert name in team.text


def test_secrets_are_in_no_log_no_event_and_no_table(
    servers: RunningServices, api: RunningApi, http: Http, acme: Created
) -> None:
    password = "canary-password-in-the-clear"
    path = link_to(api, acme.org_id, Role.OWNER)
    secret = path.rpartition("/")[2]
    nobody = Http(http.base_url, None)
    nobody.get(path)
    nobody.post(path, data=wish(password="canary-word"))
    nobody.post("/sign-in", data={"email": "canary@example.com", "password": password})
    joined = Http(http.base_url, None).post(
        path, data=wish(email="canary@example.com", password=password)
    )
    session = cookie_of(joined)
    nobody.get(f"/sign-in?next={path}")
    pages = [
        nobody.get(page, headers={"cookie": f"session={session}"}).text
        for page in ("/team", "/studio", path, "/sign-in")
    ]

    async def dump() -> str:
        found = re.search(r"packshot_test_\d+_\d+", api.settings.database_url)
        assert found is not None
        connection = await asyncpg.connect(servers._addresses(found[0]).owner_url)
        try:
            tables = await connection.fetch(
                "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
                "WHERE schemaname IN ('es', 'views', 'work')"
            )
            rows = [
                row["text"]
                for table in tables
                for row in await connection.fetch(
                    f"SELECT to_jsonb(t)::text AS text FROM {table['name']} t"
                )
            ]
            assert any("canary@example.com" in row for row in rows)  # the dump sees everything
            return "\n".join(rows)
        finally:
            await connection.close()

    everything = "\n".join(
        [
            apart(dump()),
            *pages,
            *(line.decode() for line in api.log.raw),
            str(joined.headers["location"]),
        ]
    )
    assert joined.status_code == 303
    for canary in (password, "canary-word", secret, session):
        assert canary not in everything


def test_a_password_takes_as_long_for_nobody(api: RunningApi, owner: SignedIn) -> None:
    """By what is done, not by the clock: a hash is verified either way."""
    hashed: list[str] = []

    async def run(services: Services) -> None:
        from packshot.commands import passwords  # noqa: PLC0415

        verify = passwords._verify

        def counted(password: str, password_hash: str | None) -> bool:
            hashed.append("known" if password_hash else "unknown")
            return verify(password, password_hash)

        passwords._verify = counted
        try:
            await asyncio.gather(
                services.people.sign_in(email=owner.email, password="wrong wrong wrong"),
                services.people.sign_in(email="nobody@example.com", password="wrong wrong wrong"),
            )
        finally:
            passwords._verify = verify

    with_services(api, run)

    assert sorted(hashed) == ["known", "unknown"]
