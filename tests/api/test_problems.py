"""Problems: one map of codes, one page for each, and no other kind of error."""

import ast
import errno
from pathlib import Path

import pytest

from api.client import Client, assert_problem
from domain.errors import Refusal
from packshot.edge.credentials import Credentials
from packshot.edge.exchange import Exchange
from packshot.edge.problems import KINDS, Mistakes, problem_of
from packshot.edge.replies import error_response

ROOT = Path(__file__).parents[2]
PAGES = {page.stem: page for page in (ROOT / "docs" / "errors").glob("*.md")}
REFUSALS = {
    "Refusal", "Unauthenticated", "Forbidden", "NotFound", "Conflict", "InvalidInput",
    "InvalidImage", "Unavailable",
}  # fmt: skip


def test_every_code_has_its_page_and_every_page_its_code() -> None:
    assert PAGES.keys() == KINDS.keys()


def test_a_page_says_what_happened_and_how_to_mend_it() -> None:
    for code, page in PAGES.items():
        text = page.read_text()
        assert text.startswith(f"# {KINDS[code].title}\n\n`{code}` · HTTP {KINDS[code].status}\n")
        for heading in ("## What happened", "## How to mend it", "## Example"):
            assert heading in text, (code, heading)


def test_every_code_that_is_raised_is_in_the_map() -> None:
    raised = {
        (code, path.name)
        for room in ("domain", "imaging", "platform/packshot", "projections", "integrations")
        for path in (ROOT / room).rglob("*.py")
        for code in codes_raised_in(path)
    }

    assert {(code, file) for code, file in raised if code not in KINDS} == set()
    assert len(raised) > 20


def codes_raised_in(path: Path) -> set[str]:
    """The literal codes of the refusals that a file makes."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id in REFUSALS
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }


@pytest.mark.parametrize("code", sorted(KINDS))
def test_the_page_that_a_problem_links_to_can_be_read(client: Client, code: str) -> None:
    answer = client.without_key().get(f"/docs/errors/{code}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert KINDS[code].title in answer.text
    assert "<h2>How to mend it</h2>" in answer.text


@pytest.mark.parametrize("code", ["nope", "..%2f..%2fpyproject", "../not_found", "not_found.md"])
def test_a_page_that_is_not_there_is_a_problem(client: Client, code: str) -> None:
    assert_problem(client.get(f"/docs/errors/{code}"), 404, "not_found")


@pytest.mark.parametrize(
    "path", ["/api", "/api/v1", "/api/v1/whoami/", "/api//v1/whoami", "/nothing", "/%00"]
)
@pytest.mark.parametrize("accept", ["*/*", "application/json, text/html;q=0.5"])
def test_an_unknown_address_is_a_problem_and_never_a_redirect(
    client: Client, path: str, accept: str
) -> None:
    answer = client.get(path, headers={"accept": accept}, allow_redirects=False)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/whoami/", "/api//v1/whoami"])
def test_below_api_even_a_browser_gets_a_problem(client: Client, path: str) -> None:
    answer = client.get(path, headers={"accept": "text/html"}, allow_redirects=False)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow", "detail", "fix"),
    [
        ("GET", "/api/v1/process", "OPTIONS, POST", "answers POST only.", "Use POST."),
        ("DELETE", "/api/v1/whoami", "GET, HEAD, OPTIONS", "answers GET and HEAD only.",
         "Use GET or HEAD."),
        ("BREW", "/healthz", "GET, HEAD, OPTIONS", "answers GET and HEAD only.",
         "Use GET or HEAD."),
        ("PUT", "/api/v1/jobs", "GET, HEAD, OPTIONS, POST", "answers GET, HEAD and POST only.",
         "Use GET, HEAD or POST."),
    ],
)  # fmt: skip
def test_another_method_is_told_which_are_allowed(
    client: Client, method: str, path: str, allow: str, detail: str, fix: str
) -> None:
    answer = client.send(method, path)

    problem = assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allow
    assert problem["detail"] == f"This address {detail}"
    assert problem["fix"] == fix


def test_options_tells_the_methods(client: Client) -> None:
    answer = client.send("OPTIONS", "/api/v1/process")

    assert (answer.status_code, answer.headers["allow"]) == (204, "OPTIONS, POST")


def test_a_websocket_is_refused(client: Client) -> None:
    upgrade = {
        "connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip

    assert client.get("/api/v1/whoami", headers=upgrade).status_code == 403


def test_every_mistake_of_a_request_stands_in_errors() -> None:
    mistakes = Mistakes(
        [Refusal("width_out_of_range", "a", param="width"), Refusal("unknown_field", "b")]
    )

    problem = problem_of(mistakes, request_id="req_1")

    assert problem["code"] == "width_out_of_range"
    assert [error["code"] for error in problem["errors"]] == ["width_out_of_range", "unknown_field"]


def test_a_refusal_may_be_retryable_where_its_code_is_not() -> None:
    stays, passes = (Refusal("url_fetch_failed", "x") for _ in range(2))
    passes.retryable = True

    assert problem_of(stays, request_id="req_1")["retryable"] is False
    assert problem_of(passes, request_id="req_1")["retryable"] is True


def test_an_unmapped_code_is_our_fault() -> None:
    assert problem_of(Refusal("no_such_code", "x"), request_id="req_1")["status"] == 500


def test_a_full_disk_is_a_reason_to_come_back() -> None:
    exchange = Exchange("POST", "/", "", Credentials(), None)

    answer = error_response(OSError(errno.ENOSPC, "No space left on device"), exchange)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
