"""The ``Idempotency-Key`` of a POST: its form, and one effect however often the request comes.

The handler runs inside a unit of work which also writes the answer: both become true, or neither.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from werkzeug.datastructures import Headers

from domain.errors import InvalidInput, Refusal
from packshot.edge.contract import Call, Endpoint, Reply
from packshot.edge.fingerprints import changed_fields, fingerprint_of
from packshot.edge.kept import answer_of, reply_of, written
from packshot.edge.negotiation import wants_bytes
from packshot.edge.problems import KeyReused, kind_of
from packshot.edge.replies import refusal_reply
from packshot.failpoints import failpoint
from packshot.store import idempotency
from packshot.store.idempotency import Found, Place, StillRunning
from packshot.store.renewal import renewing

# 1 to 255 visible ASCII characters, bare or as a quoted string of RFC 9651, which escapes two.
FORM = re.compile(
    r'"(?P<quoted>(?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"'
    r"|(?P<bare>[\x21\x23-\x7e][\x21-\x7e]{0,254})"
)
# Such an answer says that nothing was done for the request: with the same key it may be done yet.
NOT_KEPT = frozenset({400, 401, 403, 429})
LEAST_FAULT = 500


def idempotency_key(headers: Headers) -> str | None:
    """The key that the request names, without quotes; None without the header.

    Raises InvalidInput (malformed_request) when it is not of its form.
    """
    sent = headers.getlist("idempotency-key")
    if not sent:
        return None
    match = FORM.fullmatch(sent[0])
    if len(sent) > 1 or match is None:
        raise InvalidInput(
            "malformed_request",
            "Idempotency-Key must be given once, as 1 to 255 visible ASCII characters.",
            param="Idempotency-Key",
            allowed={"minLength": 1, "maxLength": 255},
            fix="Use a UUID.",
        )
    return match["bare"] or re.sub(r"\\(.)", r"\1", match["quoted"])


async def run_once(
    endpoint: Endpoint, call: Call[Any], *, key: str, values: Mapping[str, object]
) -> Reply:
    """Run the handler unless a request with this key has been answered: then repeat the answer.

    Raises KeyReused when that one said something else, StillRunning while it is worked on, and what
    the handler raises.
    """
    place = Place(call.key.org_id, endpoint.method, endpoint.path.format(**call.path), key)
    sent = _fingerprint(endpoint, call, values)
    begun = await idempotency.begin(call.services.pools, place, sent)
    if isinstance(begun, Found):
        return _repeated(begun, call, sent=sent)
    try:
        failpoint("api.after_idem_insert")
        async with renewing(call.services.pools, place, begun):
            reply = await _run_and_keep(endpoint, call, place=place, token=begun)
            failpoint("api.after_commit")
            return await _wait_for_later(reply, call, place=place, token=begun)
    except BaseException:
        await idempotency.release_if_possible(call.services.pools, place, begun)
        raise


def _fingerprint(
    endpoint: Endpoint, call: Call[Any], values: Mapping[str, object]
) -> dict[str, str]:
    has_file = endpoint.file_field is not None and call.file is not None
    return fingerprint_of(
        values,
        files={endpoint.file_field: call.file.sha256} if has_file else {},  # type: ignore[union-attr, dict-item] # both are there
        answers_bytes=bool(endpoint.media_types)
        and wants_bytes(call.request.headers.get("accept")),
    )


def _repeated(found: Found, call: Call[Any], *, sent: Mapping[str, str]) -> Reply:
    """The answer that was kept, for the same request; a refusal for another or too early a one."""
    changed = changed_fields(found.fingerprint, sent)
    if changed:
        raise KeyReused(changed)
    if found.answer is None or found.locked_s > 0:
        raise StillRunning(found.locked_s)
    return reply_of(found.answer, call)


async def _run_and_keep(endpoint: Endpoint, call: Call[Any], *, place: Place, token: UUID) -> Reply:
    services = call.services
    try:
        async with services.store.together() as unit:
            call.is_kept = True
            reply = written(await endpoint.handler(call))
            answer = answer_of(reply, storage_dir=services.settings.storage_dir)
            await idempotency.keep(
                await unit.connection(),
                place,
                token=token,
                answer=answer,
                is_last=reply.later is None,
            )
            failpoint("api.before_commit")
    except Refusal as refusal:  # whatever was done is rolled back; what was said may be kept
        if not _is_kept(refusal):
            raise
        reply = refusal_reply(refusal, call.exchange)
        answer = answer_of(reply, storage_dir=services.settings.storage_dir)
        async with services.pools.writing() as connection:
            await idempotency.keep(connection, place, token=token, answer=answer)
    return reply


async def _wait_for_later(reply: Reply, call: Call[Any], *, place: Place, token: UUID) -> Reply:
    """The better answer in place of this one, unless repeats have been told this one by now.

    Until then the row stays locked, so no repeat is told what the first request is not.
    """
    if reply.later is None:
        return reply
    services = call.services
    try:
        last = written(await reply.later())
    except Refusal as refusal:
        if not _is_kept(refusal):
            first = answer_of(reply, storage_dir=services.settings.storage_dir)
            await idempotency.replace(services.pools, place, token=token, answer=first)
            raise
        last = refusal_reply(refusal, call.exchange)
    answer = answer_of(last, storage_dir=services.settings.storage_dir)
    is_told = await idempotency.replace(services.pools, place, token=token, answer=answer)
    return last if is_told else reply


def _is_kept(refusal: Refusal) -> bool:
    """True of what was found out about the picture or the thing, not about the request's words."""
    status = kind_of(refusal.code).status
    return (
        status < LEAST_FAULT
        and status not in NOT_KEPT
        and not isinstance(refusal, InvalidInput | StillRunning)
    )
