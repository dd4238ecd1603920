"""Runs a declared page: who is it, may they, is the form ours; then its handler and its answer."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from quart import Quart, Request, Response, request
from werkzeug.exceptions import NotFound as UnknownAddress

from domain.errors import Forbidden, InvalidInput, NotFound, Refusal
from domain.roles import Role
from domain.scopes import Scope
from packshot.admin.shell.answers import Html, Redirect, Streamed
from packshot.admin.shell.assets import PREFIX, asset_response
from packshot.admin.shell.cookies import session_token, set_cookie, set_session
from packshot.admin.shell.declaring import Page, PageAnswer, Visit
from packshot.admin.shell.origin import (
    TOKEN_FIELD,
    TOKEN_HEADER,
    require_own_origin,
    require_page_token,
)
from packshot.admin.shell.proofs import asked_for_proof
from packshot.admin.shell.rendering import html_response
from packshot.edge.bodies import ClientGone, PulledBody
from packshot.edge.contract import NoFields, Reply
from packshot.edge.exchange import current_exchange
from packshot.edge.files import SEND_WITHIN_S
from packshot.edge.forms import read_form
from packshot.edge.gate import Gate
from packshot.edge.problems import kind_of
from packshot.edge.replies import CLIENT_CLOSED_REQUEST, refusal_of_error, response_of
from packshot.edge.spool import Spooled, spool_of
from packshot.edge.state import ServingState
from packshot.edge.uploads import receiving
from packshot.store.events import shut

if TYPE_CHECKING:
    from packshot.wiring import Services

SIGN_IN = "/sign-in"
MOST_FORM_BYTES = 64 * 1024
FORM_TYPE = "application/x-www-form-urlencoded"


class Pages:
    """The pages of an application, and how each request of one is run."""

    def __init__(self, services: "Services", state: ServingState, *, gate: Gate) -> None:
        self._services = services
        self._state = state
        self._gate = gate

    def install(self, app: Quart, pages: Sequence[Page]) -> None:
        """Give the application these pages and their assets."""
        for page in pages:
            app.add_url_rule(
                page.path.replace("{", "<").replace("}", ">"),
                endpoint=page.name,
                view_func=self._runner(page),
                methods=[page.method],
            )

        @app.get(f"{PREFIX}<path:name>")
        async def read_asset(name: str) -> Response:
            current_exchange().route = f"{PREFIX}{{name}}"
            response = asset_response(name, _asked())
            return response or await self.refuse(_no_such_page())

    async def refuse(self, error: Exception) -> Response:
        """An error that no page of its own answers, as a page."""
        visit = self._visit({})
        with suppress(Refusal):  # the database is away: the error is told without a frame
            await self._recognize(visit)
        return _error_response(error, visit)

    def _runner(self, page: Page) -> Any:
        async def run(**path: str) -> Response:
            return await self._answer(page, path)

        return run

    async def _answer(self, page: Page, path: dict[str, str]) -> Response:
        visit = self._visit(path)
        visit.exchange.route = page.path
        try:
            if page.method != "GET":
                require_own_origin(visit.request, public_url=self._services.settings.public_url)
            await self._recognize(visit)
            if visit.signed_in is None and not page.is_public:
                return _to_sign_in(visit)
            _require_standing(page, visit)
            _require_role(page, visit)
            if page.cost and visit.signed_in is not None:
                await self._gate.charge_visitor(visit.exchange, visit.visitor, page.cost)
            async with _fields(page, visit) as (values, file):
                question = await asked_for_proof(visit, values) if page.needs_proof else None
                if question is not None:
                    return await _response(question, visit)
                visit.file, visit.values = file, values
                visit.form = read_form(page.form, values) if page.form is not NoFields else NO_FORM
                async with self._gate.place_of(visit.signed_in, page.cost):
                    answer = await page.handler(visit)
            return await _response(answer, visit)
        except Exception as error:  # noqa: BLE001 - the edge of a request: answered and logged
            return _error_response(error, visit)

    def _visit(self, path: dict[str, str]) -> Visit[Any]:
        return Visit(
            self._services,
            self._state,
            self._gate,
            current_exchange(),
            _asked(),
            path,
            form=NO_FORM,
        )

    async def _recognize(self, visit: Visit[Any]) -> None:
        visit.token = session_token(visit)
        if visit.token is None:
            return
        sessions = self._services.sessions
        found = await sessions.find(visit.token)
        if found is not None and found.has_other_rights and visit.is_navigation:
            # A text that was stolen under former rights is worth nothing under the new ones.
            visit.token = await sessions.rotate(visit.token, found)
            visit.is_fresh_token = visit.token is not None
            found = found if visit.is_fresh_token else None
        visit.signed_in = found


NO_FORM = NoFields()


def _asked() -> Request:
    return request._get_current_object()  # type: ignore[attr-defined, no-any-return] # noqa: SLF001 - what Quart's proxy stands for


def _require_role(page: Page, visit: Visit[Any]) -> None:
    if page.scope is not None and not visit.visitor.access.may(page.scope):
        raise Forbidden(
            "scope_missing",
            f"Your role here is {visit.visitor.role}, which does not allow this.",
            fix="Ask an owner or admin of the organization.",
        )


def _require_standing(page: Page, visit: Visit[Any]) -> None:
    """Of a suspended organization owners may read the trail; else it is shut, and says why."""
    if page.is_public or page.is_kept_open or visit.visitor.standing.status == "active":
        return
    is_reading = page.method == "GET" and page.scope is Scope.AUDIT_READ
    if not (is_reading and visit.visitor.role is Role.OWNER):
        raise shut(f"suspended. {visit.visitor.standing.suspended_for}")


@asynccontextmanager
async def _fields(
    page: Page, visit: Visit[Any]
) -> AsyncIterator[tuple[dict[str, object], Spooled | None]]:
    """The fields of the query or of the body, without the page token, and the file."""
    asked = visit.request
    if page.method == "GET":
        yield _of_pairs(asked.query_string), None
        return
    body = asked.body
    assert isinstance(body, PulledBody)
    if asked.mimetype == "multipart/form-data" and page.file_field is not None:
        _require_token(page, visit, None)  # in the header: before anything is read
        settings = visit.services.settings
        async with receiving(
            body,
            asked.content_type or "",
            file_field=page.file_field,
            spool=spool_of(settings.storage_dir),
            max_bytes=settings.upload_max_bytes,
        ) as received:
            received.values.pop(TOKEN_FIELD, None)
            yield received.values, received.file
        return
    if asked.mimetype not in {FORM_TYPE, ""}:
        raise InvalidInput("unsupported_media_type", "A page takes the fields of a form.")
    body.max_bytes = MOST_FORM_BYTES
    values = _of_pairs(await body)
    _require_token(page, visit, values.pop(TOKEN_FIELD, None))
    yield values, None


def _require_token(page: Page, visit: Visit[Any], field: object) -> None:
    if page.is_public and visit.signed_in is None:
        return  # nobody's session can be used
    assert visit.token is not None
    sent = visit.request.headers.get(TOKEN_HEADER) or field
    require_page_token(sent if isinstance(sent, str) else None, visit.token, visit.visitor.org_id)


def _of_pairs(encoded: bytes) -> dict[str, object]:
    """Fields by name, several of one name as a list; an empty one says the same as none."""
    values: dict[str, object] = {}
    try:
        pairs = parse_qsl(encoded.decode("ascii"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise InvalidInput("malformed_request", "The form cannot be read.") from None
    for name, value in pairs:
        if value == "":
            continue
        known = values.get(name)
        if known is None:
            values[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            values[name] = [known, value]
    return values


async def _response(answer: PageAnswer, visit: Visit[Any]) -> Response:
    match answer:
        case Html():
            response = html_response(answer, visit)
        case Reply():
            response = await response_of(answer, visit.request)
        case Streamed():
            response = _streamed(answer)
        case Redirect():
            return _redirect(answer, visit)
    return _with_token(response, visit)


def _streamed(answer: Streamed) -> Response:
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{answer.name}"',
        "content-security-policy": "sandbox; default-src 'none'",
    }
    response = Response(answer.pieces, 200, headers, content_type=answer.media_type)
    response.timeout = SEND_WITHIN_S
    return response


def _redirect(answer: Redirect, visit: Visit[Any]) -> Response:
    if visit.is_fragment:
        response = Response(b"", 200, {"hx-redirect": answer.to, "cache-control": "no-store"})
    else:
        response = Response(b"", 303, {"location": answer.to, "cache-control": "no-store"})
    if answer.token is not None:
        set_session(response, visit, answer.token)
        visit.is_fresh_token = False
    return _with_token(response, visit)


def _with_token(response: Response, visit: Visit[Any]) -> Response:
    """The answer that also leaves our cookies with the browser, its session's new text first."""
    if visit.is_fresh_token and visit.token is not None:
        set_session(response, visit, visit.token)
    for name, (text, max_age_s) in visit.cookies.items():
        set_cookie(response, visit, name, text, max_age_s=max_age_s)
    return response


def _to_sign_in(visit: Visit[Any]) -> Response:
    asked = visit.request
    wanted = asked.full_path if asked.method == "GET" and not visit.is_fragment else ""
    if visit.is_fragment:
        with suppress(ValueError):  # a browser sends an address; anything else leads nowhere
            wanted = urlsplit(asked.headers.get("hx-current-url", "")).path
    wanted = wanted.rstrip("?")
    following = f"?next={quote(wanted, safe='/')}" if len(wanted) > 1 else ""
    return _redirect(Redirect(SIGN_IN + following), visit)


def _error_response(error: Exception, visit: Visit[Any]) -> Response:
    if isinstance(error, ClientGone):
        return Response(b"", CLIENT_CLOSED_REQUEST)
    if isinstance(error, UnknownAddress):
        error = _no_such_page()
    refusal = refusal_of_error(error, visit.exchange)
    kind = kind_of(refusal.code)
    template = "problem.html" if visit.is_fragment else "error.html"
    values = {"refusal": refusal, "kind": kind, "request_id": visit.exchange.request_id}
    answer = Html(template, values, status=kind.status)
    return _with_token(html_response(replace(answer, headers=dict(refusal.headers)), visit), visit)


def _no_such_page() -> NotFound:
    return NotFound("not_found", "There is no such page.", fix="Begin at the start page.")
