"""What the tests of pages start from: a browser, and people who are signed in."""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Browser, sync_playwright

from api.backstage import backstage
from api.conftest import untouched_limits
from api.projecting import running_projector
from api.server import RunningApi
from domain.ids import OrgId, UserId
from domain.recorded import Actor, Context
from domain.roles import Role
from packshot.commands.organizations import Created
from packshot.wiring import Services
from pages.looking import Theme, Watched, a_page

__all__ = ["untouched_limits"]

CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person with a session."""

    user_id: UserId
    org_id: OrgId
    email: str
    session: str


class Http:
    """A client without a browser: sends the cookie and the token as our pages do."""

    def __init__(self, base_url: str, person: SignedIn | None) -> None:
        self.base_url = base_url
        self.session = requests.Session()
        self.headers = {"origin": base_url, "sec-fetch-site": "same-origin"}
        if person is not None:
            from packshot.admin.shell.origin import page_token  # noqa: PLC0415

            self.headers |= {
                "cookie": f"session={person.session}",
                "x-page-token": page_token(person.session, person.org_id),
            }

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._send("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self._send("POST", path, **options)

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {
            name: value
            for name, value in (self.headers | options.pop("headers", {})).items()
            if value is not None
        }
        return self.session.request(
            method,
            self.base_url + path,
            headers=headers,
            allow_redirects=False,
            timeout=30,
            **options,
        )


def apart(work: Coroutine[Any, Any, T]) -> T:
    """The result of asynchronous work, also where a browser's loop runs in this thread."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


def with_services(api: RunningApi, work: Callable[[Services], Coroutine[Any, Any, T]]) -> T:
    """Do something with the services of that API's database."""
    return backstage(api.settings).do(work)


def join(api: RunningApi, org_id: OrgId, role: Role, *, name: str = "Mara Oduya") -> SignedIn:
    """A new person of that role in the organization, signed in."""

    async def run(services: Services) -> SignedIn:
        context = Context(org_id, Actor("system", "test"), "test", correlation_id="test")
        invited = await services.people.invite(context, role)
        email = f"{uuid4().hex[:12]}@example.com"
        joined = await services.people.join(
            invited.secret, email=email, name=name, password=PASSWORD
        )
        session = await services.sessions.begin(joined.user_id, joined.org_id)
        return SignedIn(joined.user_id, joined.org_id, email, session)

    return with_services(api, run)


@pytest.fixture
def owner(api: RunningApi, acme: Created) -> SignedIn:
    """An owner of Acme."""
    return join(api, acme.org_id, Role.OWNER)


@pytest.fixture
def http(api: RunningApi, owner: SignedIn) -> Http:
    """The owner's client without a browser."""
    return Http(api.base_url, owner)


@pytest.fixture(scope="module")
def projecting(api: RunningApi, workers: None) -> Iterator[None]:
    """A worker, a relay and a projector beside the API."""
    with running_projector(api.settings):
        yield


@pytest.fixture(scope="module")
def browser(api: RunningApi) -> Iterator[Browser]:
    """Debian's Chromium, which keeps a loop running in this thread: so the API comes before it."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=False, args=OPTIONS
        )
        yield browser
        browser.close()


Opener = Callable[..., Watched]


@pytest.fixture
def open_page(browser: Browser, api: RunningApi, owner: SignedIn) -> Iterator[Opener]:
    """Opens addresses as the owner, or as ``person``; None is nobody."""
    with ExitStack() as stack:

        def open_one(
            path: str,
            *,
            theme: Theme = "light",
            width: int = 1360,
            person: SignedIn | None = owner,
        ) -> Watched:
            session = None if person is None else person.session
            watched = stack.enter_context(
                a_page(browser, api.base_url, session=session, theme=theme, width=width)
            )
            watched.go(path)
            return watched

        yield open_one


@pytest.fixture
def pictures_folder() -> Path | None:
    """Where pictures of pages are kept: PACKSHOT_TEST_PICTURES, or nowhere."""
    folder = os.environ.get("PACKSHOT_TEST_PICTURES")
    if folder is None:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
