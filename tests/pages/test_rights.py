"""What every page asks of its visitor: a right, a page of ours, and the token of the session.

The rights are written here once more: a page whose right falls away must be seen to.
"""

import re

import pytest

from api.server import RunningApi
from domain.roles import Role, allows
from domain.scopes import Scope
from packshot.admin.shell.declaring import Page
from packshot.admin.shell.rendering import TEMPLATES
from packshot.app import PAGES
from packshot.commands.organizations import Created
from pages.conftest import Http, join

ANYBODY, MEMBERS = "anybody", "members"
RIGHTS = {
    "GET /": MEMBERS,
    "POST /organization": MEMBERS,
    "GET /sign-in": ANYBODY,
    "POST /sign-in": ANYBODY,
    "POST /sign-out": MEMBERS,
    "GET /join/{secret}": ANYBODY,
    "POST /join/{secret}": ANYBODY,
    "POST /join/{secret}/oidc": ANYBODY,
    "POST /sign-in/oidc": ANYBODY,
    "GET /sign-in/oidc/callback": ANYBODY,
    "GET /forgot": ANYBODY,
    "POST /forgot": ANYBODY,
    "GET /reset/{secret}": ANYBODY,
    "POST /reset/{secret}": ANYBODY,
    "GET /account": MEMBERS,
    "POST /account/oidc": MEMBERS,
    "POST /account/oidc/prove": MEMBERS,
    "POST /account/oidc/unlink": MEMBERS,
    "POST /account/password": MEMBERS,
    "POST /account/sessions/{sessionId}/end": MEMBERS,
    "POST /account/sessions/end-others": MEMBERS,
    "GET /team": "members:read",
    "POST /team/invites": "members:manage",
    "POST /team/invites/{inviteId}/withdraw": "members:manage",
    "POST /team/members/{userId}/role": "members:manage",
    "POST /team/members/{userId}/remove": "members:manage",
    "POST /team/members/{userId}/reset": "members:manage",
    "POST /team/leave": MEMBERS,
    "POST /team/teams": "teams:manage",
    "GET /team/teams/{teamId}": "members:read",
    # A team's lead may, who need not be more than a viewer.
    "POST /team/teams/{teamId}/name": "members:read",
    "POST /team/teams/{teamId}/delete": "teams:manage",
    "POST /team/teams/{teamId}/members/{userId}": "members:read",
    "POST /team/teams/{teamId}/members/{userId}/remove": "members:read",
    "GET /settings": "members:read",
    "POST /settings/name": "members:manage",
    "POST /settings/close": "members:manage",
    "GET /studio": "files:read",
    "POST /studio/render": "images:process",
    "GET /studio/compliance": "compliance:check",
    "GET /outputs/{outputId}/content": "files:read",
    "GET /jobs": "jobs:read",
    "GET /jobs/{jobId}": "jobs:read",
    "POST /jobs/{jobId}/cancel": "jobs:write",
    "POST /jobs/{jobId}/retry": "jobs:write",
    "GET /keys": "keys:read",
    "GET /keys/new": "keys:manage",
    "POST /keys": "keys:manage",
    "GET /keys/{keyId}/{verb}": "keys:manage",
    "POST /keys/{keyId}/edit": "keys:manage",
    "POST /keys/{keyId}/adopt": "keys:manage",
    "POST /keys/{keyId}/rotate": "keys:manage",
    "POST /keys/{keyId}/revoke": "keys:manage",
    "GET /activity": "audit:read",
    "GET /activity/{position}": "audit:read",
    "GET /api-access": "files:read",
    "GET /integrations": "integrations:read",
    "POST /integrations": "integrations:manage",
    "GET /integrations/{integrationId}": "integrations:read",
    "GET /integrations/{integrationId}/sync": "integrations:read",
    "POST /integrations/{integrationId}/sync": "catalog:sync",
    "POST /integrations/{integrationId}/test": "integrations:manage",
    "POST /integrations/{integrationId}/name": "integrations:manage",
    "POST /integrations/{integrationId}/credentials": "integrations:manage",
    "POST /integrations/{integrationId}/disconnect": "integrations:manage",
    "GET /catalog": "catalog:read",
    "GET /catalog/{itemId}": "catalog:read",
    "GET /catalog/{itemId}/pictures/{remoteId}": "catalog:read",
    "GET /publish": "publish:read",
    "GET /publish/review": "publish:write",
    "POST /publish": "publish:write",
    "GET /publishes": "publish:read",
    "GET /publishes.csv": "publish:read",
    "GET /publishes/{publishId}": "publish:read",
    "POST /publishes/{publishId}/verify": "publish:write",
    "POST /publishes/{publishId}/retry": "publish:write",
    "GET /publishes/{publishId}/undo": "publish:write",
    "POST /publishes/{publishId}/undo": "publish:write",
    "GET /publishes/{publishId}/pictures/{remoteId}": "publish:read",
}
# Sent by who is not signed in, and so has no token.
WITHOUT_TOKEN = {"/sign-in", "/join/{{ secret }}/oidc"}
FORM = re.compile(r"<form\b(?P<tag>[^>]*)>(?P<inside>.*?)</form>", re.DOTALL)
CHANGES = [page for page in PAGES if page.method == "POST"]


def right_of(page: Page) -> str:
    if page.scope is not None:
        return page.scope.value
    return ANYBODY if page.is_public else MEMBERS


def asked(http: Http, page: Page, **headers: str | None) -> int:
    """The status of that page, with ids of nothing in its address."""
    path = re.sub(r"{\w+}", "none", page.path)
    status: int = http._send(page.method, path, headers=headers).status_code
    return status


def test_every_page_asks_for_the_right_that_is_written_down() -> None:
    assert {f"{page.method} {page.path}": right_of(page) for page in PAGES} == RIGHTS


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_who_lacks_the_right_is_refused_whatever_the_address_names(
    api: RunningApi, acme: Created, role: Role
) -> None:
    http = Http(api.base_url, join(api, acme.org_id, role))
    lacking = [
        page
        for page in PAGES
        if page.scope is not None and not allows(role, Scope(RIGHTS[f"{page.method} {page.path}"]))
    ]

    assert lacking
    for page in lacking:
        assert asked(http, page) == 403, (role, page.name)


def test_a_change_without_the_token_or_from_elsewhere_is_refused_on_every_page(http: Http) -> None:
    for page in CHANGES:
        elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert asked(http, page, **elsewhere) == 403, page.name
        if page.path != "/sign-in":  # a session is begun by who has none
            assert asked(http, page, **{"x-page-token": None}) == 403, page.name


def test_who_is_not_signed_in_is_led_to_signing_in_from_every_page(api: RunningApi) -> None:
    nobody = Http(api.base_url, None)
    for page in PAGES:
        if not page.is_public:
            assert asked(nobody, page) == 303, page.name


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_every_form_that_changes_something_works_without_a_script_too(template: str) -> None:
    text = (TEMPLATES / template).read_text()
    posts = [f"{one.method} {one.path}" for one in CHANGES]
    for form in FORM.finditer(text):
        tag, inside = form["tag"], form["inside"]
        if 'method="post"' not in tag:
            assert "hx-post" not in tag, form[0]
            continue
        action = re.search(r'(?<!-)\baction="([^"]+)"', tag)
        assert action is not None, form[0]
        for address in re.findall(r'hx-post="([^"]+)"', tag):
            assert address == action[1], form[0]
        assert "pageToken" in inside or action[1] in WITHOUT_TOKEN, form[0]
        verb = action[1].rpartition("/")[2]
        assert "{" in verb or any(one.endswith(f"/{verb}") for one in posts), form[0]
