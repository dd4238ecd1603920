"""Runs a declared endpoint: admits the request, reads its form, calls it, sends its reply."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from quart import Quart, Request, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from domain.errors import InvalidInput, Refusal
from packshot.edge.bodies import PulledBody, unless_client_leaves
from packshot.edge.contract import Access, Call, Endpoint, NoFields, Reply
from packshot.edge.cors import is_of_api
from packshot.edge.credentials import refuse_key_in_query
from packshot.edge.exchange import Exchange, current_exchange
from packshot.edge.forms import Form, duplicate_field, read_form, read_json_fields, unknown_field
from packshot.edge.gate import Gate
from packshot.edge.idempotency import idempotency_key, run_once
from packshot.edge.looking_back import AS_OF_POSITION
from packshot.edge.replies import error_response, problem_response, response_of
from packshot.edge.schemas import repeated_fields
from packshot.edge.shedding import Shedding
from packshot.edge.spool import Spooled, spool_of
from packshot.edge.state import ServingState
from packshot.edge.uploads import receiving
from packshot.edge.visibility import MIN_POSITION, look_back, until_visible

if TYPE_CHECKING:
    from packshot.wiring import Services

NO_FIELDS = NoFields()


def install(
    app: Quart,
    endpoints: Sequence[Endpoint],
    *,
    services: "Services",
    state: ServingState,
    gate: Gate,
    stray_page: Callable[[Exception], Awaitable[Response]],
) -> None:
    """Give the application its endpoints, and answers for everything else.

    That is a problem, or ``stray_page`` for a browser that looks for a page.
    """
    settings = services.settings
    shedding = Shedding(services.pools, settings.most_in_flight, settings.most_queue_s)
    for endpoint in endpoints:
        app.add_url_rule(
            endpoint.path.replace("{", "<").replace("}", ">"),
            endpoint=endpoint.name,
            view_func=_Runner(endpoint, services, state=state, gate=gate, shedding=shedding).answer,
            methods=[endpoint.method],
        )

    @app.errorhandler(Exception)
    async def answer_error(error: Exception) -> Response:
        exchange = current_exchange()
        if isinstance(error, RoutingException | HTTPException) and request.url_rule is None:
            try:
                await gate.charge_stray(exchange, query=request.query_string)
            except Refusal as refusal:
                return problem_response(refusal, exchange)
            if _looks_for_a_page(request):
                return await stray_page(error)
        return error_response(error, exchange)


def _looks_for_a_page(asked: Request) -> bool:
    """Whether a browser asks: curl and most clients take anything, browsers HTML before JSON."""
    wanted = asked.accept_mimetypes
    prefers_html = wanted.quality("text/html") > wanted.quality("application/json")
    return prefers_html and not is_of_api(asked.path)


class _Runner:
    """Runs one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        services: "Services",
        *,
        state: ServingState,
        gate: Gate,
        shedding: Shedding,
    ) -> None:
        self._endpoint = endpoint
        self._services = services
        self._state = state
        self._gate = gate
        self._shedding = shedding

    async def answer(self, **path: str) -> Response:
        """Answer the request that Quart is handling."""
        exchange, endpoint = current_exchange(), self._endpoint
        exchange.route = endpoint.path
        asked: Request = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - what Quart's proxy stands for; each look through the proxy costs
        try:
            if endpoint.scope is Access.PUBLIC:  # whoever looks after the process is always told
                return await self._run(exchange, asked, path)
            with self._shedding.passing():
                return await self._run(exchange, asked, path)
        except Exception as error:  # noqa: BLE001 - the edge of a request: answered and logged
            return error_response(error, exchange)

    async def _run(self, exchange: Exchange, asked: Request, path: dict[str, str]) -> Response:
        endpoint = self._endpoint
        await self._gate.admit(endpoint, exchange, query=asked.query_string)
        call: Call[Any] = Call(self._services, self._state, exchange, asked, path, form=NO_FIELDS)
        if endpoint.queues:
            await self._shedding.require_moving_queue(call.key.org_id)
        async with self._gate.place(endpoint, exchange):
            if endpoint.has_body:
                return await self._run_with_body(call)
            call.form = _form_of_query(endpoint, asked.query_string)
            if endpoint.may_wait and MIN_POSITION in asked.headers:
                await until_visible(call, view=endpoint.follows)
            if endpoint.may_look_back:
                await look_back(call, view=endpoint.follows)
            return await self._response(await endpoint.handler(call), call)

    async def _run_with_body(self, call: Call[Any]) -> Response:
        key = idempotency_key(call.request.headers)
        query = call.request.query_string
        if query:
            refuse_key_in_query(query)
            raise unknown_field(next(iter(_query_fields(query)), "?"), ())
        async with _fields_of_body(self._endpoint, call) as (values, file):
            call.file = file
            call.form = read_form(self._endpoint.form, values)
            if key is not None and self._endpoint.is_repeatable:
                # Finished also for a client that has left: its answer waits for the repeat.
                reply = await run_once(self._endpoint, call, key=key, values=values)
                return await response_of(reply, call.request)
            work = self._answered(call)
            return await response_of(await unless_client_leaves(_body(call), work), call.request)

    async def _response(self, reply: Reply, call: Call[Any]) -> Response:
        response = await response_of(reply, call.request)
        if call.position is not None:
            response.headers[AS_OF_POSITION] = str(call.position)
        return response

    async def _answered(self, call: Call[Any]) -> Reply:
        reply = await self._endpoint.handler(call)
        return reply if reply.later is None else await reply.later()


def _form_of_query(endpoint: Endpoint, query: bytes) -> Form:
    if not query and endpoint.form is NoFields:
        return NO_FIELDS
    refuse_key_in_query(query)
    if endpoint.is_public and endpoint.form is NoFields:
        return NO_FIELDS  # a monitor's or a browser's own words do not matter to a page
    return read_form(endpoint.form, _query_fields(query))


@asynccontextmanager
async def _fields_of_body(
    endpoint: Endpoint, call: Call[Any]
) -> AsyncIterator[tuple[dict[str, object], Spooled | None]]:
    """The body's fields, and its file while the block lasts."""
    body = _body(call)
    settings = call.services.settings
    media_type = call.request.mimetype
    if endpoint.file_field is not None and media_type == "multipart/form-data":
        async with receiving(
            body,
            call.request.content_type or "",
            file_field=endpoint.file_field,
            spool=spool_of(settings.storage_dir),
            max_bytes=settings.upload_max_bytes,
            repeated=repeated_fields(endpoint.form),
        ) as received:
            yield received.values, received.file
    elif media_type == "application/json" and endpoint.json_max_bytes:
        body.max_bytes = endpoint.json_max_bytes
        yield read_json_fields(await body), None
    elif body.expected_bytes == 0 or (not media_type and not await _has_bytes(body)):
        yield {}, None
    else:
        raise _unsupported_media_type(endpoint)


async def _has_bytes(body: PulledBody) -> bool:
    if body.expected_bytes is not None:
        return body.expected_bytes > 0
    async for _piece in body.pieces():
        return True
    return False


def _body(call: Call[Any]) -> PulledBody:
    body = call.request.body
    assert isinstance(body, PulledBody)
    return body


def _query_fields(query: bytes) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in fields:
            raise duplicate_field(name)
        fields[name] = value
    return fields


def _unsupported_media_type(endpoint: Endpoint) -> Refusal:
    accepted = ["application/json"] if endpoint.json_max_bytes else []
    if endpoint.file_field is not None:
        accepted.insert(0, "multipart/form-data")
    return InvalidInput(
        "unsupported_media_type",
        f"The body must be {' or '.join(accepted)}.",
        allowed={"contentTypes": accepted},
        fix=f"Send the fields as {accepted[0]}.",
        headers={"Accept": ", ".join(accepted), "Accept-Post": ", ".join(accepted)},
    )
