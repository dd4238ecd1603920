"""Answers in the making: a reply, a refusal or a fault as the response that is sent."""

import structlog
from pydantic import BaseModel
from quart import Request, Response
from werkzeug.exceptions import HTTPException

from domain.errors import Refusal, Unavailable
from packshot.edge.bodies import ClientGone
from packshot.edge.contract import Reply
from packshot.edge.downloads import Download
from packshot.edge.event_streams import EventStream
from packshot.edge.exchange import Exchange
from packshot.edge.files import FileAnswer, file_response
from packshot.edge.problems import headers_of, internal_error, kind_of, problem_bytes, refusal_of
from packshot.render.refusals import DISK_FULL, no_room

# nginx's word for a client that closed before its answer; nobody reads it but the log.
CLIENT_CLOSED_REQUEST = 499

log = structlog.get_logger()


async def response_of(reply: Reply, request: Request) -> Response:
    """The reply as an answer; a write tells the head of its organization's log."""
    body = reply.body
    if isinstance(body, FileAnswer):
        response = await file_response(body, request)
    elif isinstance(body, EventStream | Download):
        response = body.response()
    else:
        data = json_of(body) if isinstance(body, BaseModel) else body
        response = Response(data, reply.status, content_type=reply.media_type)
        response.headers["cache-control"] = "private, no-store"
    for name, value in reply.headers.items():
        response.headers[name] = value
    if reply.head is not None:
        response.headers["x-log-position"] = str(reply.head.position)
        response.headers["x-log-head"] = str(reply.head)
    return response


def error_response(error: Exception, exchange: Exchange) -> Response:
    """The answer to an error: what the caller may read; the log has the rest of our own faults."""
    if isinstance(error, ClientGone):
        return Response(b"", CLIENT_CLOSED_REQUEST)
    return problem_response(refusal_of_error(error, exchange), exchange)


def refusal_of_error(error: Exception, exchange: Exchange) -> Refusal:
    """What a caller may read of an error; our own faults are logged."""
    match error:
        case Refusal():
            refusal = error
        case HTTPException():
            refusal = refusal_of(error)
        case OSError() if error.errno in DISK_FULL:
            refusal = no_room()
        case _:
            refusal = internal_error()
    if kind_of(refusal.code).status >= 500:  # noqa: PLR2004 - our fault, so the log says why
        facts = {
            "request_id": exchange.request_id, "route": exchange.route, "code": refusal.code
        }  # fmt: skip
        if isinstance(error, Unavailable):  # an outage writes one line a request, no traceback
            log.warning("request_refused", **facts, reason=type(error.__cause__ or error).__name__)
        else:
            log.error("request_failed", **facts, exc_info=error)
    return refusal


def refusal_reply(refusal: Refusal, exchange: Exchange) -> Reply:
    """The refusal as a reply, for those that keep it."""
    headers = headers_of(refusal)
    return Reply(
        problem_bytes(refusal, request_id=exchange.request_id),
        kind_of(refusal.code).status,
        headers,
        media_type=headers.pop("content-type"),
    )


def problem_response(refusal: Refusal, exchange: Exchange) -> Response:
    """The refusal as an answer."""
    return Response(
        problem_bytes(refusal, request_id=exchange.request_id),
        kind_of(refusal.code).status,
        headers_of(refusal),
    )


def json_of(model: BaseModel) -> bytes:
    """The model as the JSON that is sent."""
    return model.__pydantic_serializer__.to_json(model, by_alias=True)
