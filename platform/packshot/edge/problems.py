"""The one map from a refusal's code to its HTTP status and title, and its RFC 9457 document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from werkzeug.exceptions import HTTPException

from domain.errors import InvalidInput, Refusal

PROBLEM_JSON = "application/problem+json"
DOCUMENTS_PATH = "/docs/errors/"
RETRY_AFTER_S = "1"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means to HTTP: its status, a title that never varies, and whether to retry.

    A refusal may be retryable by itself, where a code stands for what passes and for what stays.
    """

    status: int
    title: str
    retryable: bool = False


KINDS: Mapping[str, Kind] = {
    "malformed_request": Kind(400, "The request is malformed"),
    "missing_parameter": Kind(400, "A parameter is missing"),
    "ambiguous_input": Kind(400, "More than one picture source"),
    "ambiguous_credentials": Kind(400, "Two different credentials"),
    "key_in_query": Kind(400, "API key in the query string"),
    "oidc_refused": Kind(401, "The provider's word does not count"),
    "sign_in_failed": Kind(401, "Signing in failed"),
    "key_missing": Kind(401, "API key is missing"),
    "key_malformed": Kind(401, "API key is malformed"),
    "key_unknown": Kind(401, "API key is unknown"),
    "key_expired": Kind(401, "API key has expired"),
    "key_revoked": Kind(401, "API key was revoked"),
    "scope_missing": Kind(403, "The key lacks a scope"),
    "ip_not_allowed": Kind(403, "Not from this address"),
    "test_key": Kind(403, "Not with a key for tests"),
    "foreign_origin": Kind(403, "Not from a page of ours"),
    "org_suspended": Kind(403, "The organization is suspended"),
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "version_conflict": Kind(409, "Changed meanwhile"),
    "idempotency_in_progress": Kind(409, "Still being worked on", retryable=True),
    "already_connected": Kind(409, "Connected already"),
    "already_member": Kind(409, "A member already"),
    "already_terminal": Kind(409, "Already ended"),
    "not_adoptable": Kind(409, "The key needs no adoption"),
    "belongs_elsewhere": Kind(409, "A member elsewhere too"),
    "name_taken": Kind(409, "The name is taken"),
    "last_owner": Kind(409, "The last owner stays"),
    "publish_drifted": Kind(409, "The listing changed meanwhile"),
    "file_too_large": Kind(413, "File is too large"),
    "too_many_pixels": Kind(413, "Picture has too many pixels"),
    "too_much_memory": Kind(413, "Picture needs too much memory"),
    "unsupported_image_format": Kind(415, "Image format is not supported"),
    "unsupported_media_type": Kind(415, "Media type is not supported"),
    "range_not_satisfiable": Kind(416, "Range is not satisfiable"),
    "width_out_of_range": Kind(422, "Width is out of range"),
    "height_out_of_range": Kind(422, "Height is out of range"),
    "margin_out_of_range": Kind(422, "Margin is out of range"),
    "marginTop_out_of_range": Kind(422, "Top margin is out of range"),
    "marginRight_out_of_range": Kind(422, "Right margin is out of range"),
    "marginBottom_out_of_range": Kind(422, "Bottom margin is out of range"),
    "marginLeft_out_of_range": Kind(422, "Left margin is out of range"),
    "priority_out_of_range": Kind(422, "Priority is out of range"),
    "after_out_of_range": Kind(422, "The position after which is out of range"),
    "until_out_of_range": Kind(422, "The position until which is out of range"),
    "wait_out_of_range": Kind(422, "Wait is out of range"),
    "quality_out_of_range": Kind(422, "Quality is out of range"),
    "jpegQuality_out_of_range": Kind(422, "JPEG quality is out of range"),
    "frame.targetFill_out_of_range": Kind(422, "Target fill is out of range"),
    "factor_out_of_range": Kind(422, "Factor is out of range"),
    "targetWidth_out_of_range": Kind(422, "Target width is out of range"),
    "targetHeight_out_of_range": Kind(422, "Target height is out of range"),
    "seed_out_of_range": Kind(422, "Seed is out of range"),
    "shadow.opacity_out_of_range": Kind(422, "Shadow opacity is out of range"),
    "shadow.spread_out_of_range": Kind(422, "Shadow spread is out of range"),
    "light.direction_out_of_range": Kind(422, "Light direction is out of range"),
    "light.elevation_out_of_range": Kind(422, "Light elevation is out of range"),
    "exposure_out_of_range": Kind(422, "Exposure is out of range"),
    "compliance_failed": Kind(422, "The picture breaks the channel's rules"),
    "target.position_out_of_range": Kind(422, "Position is out of range"),
    "limit_out_of_range": Kind(422, "Limit is out of range"),
    "rateLimit.limit_out_of_range": Kind(422, "Limit of requests is out of range"),
    "rateLimit.windowSeconds_out_of_range": Kind(422, "Window of the limit is out of range"),
    "graceSeconds_out_of_range": Kind(422, "Grace is out of range"),
    "invalid_parameter": Kind(422, "A parameter is not valid"),
    "unknown_field": Kind(422, "Unknown field"),
    "duplicate_field": Kind(422, "A field is given twice"),
    "subject_not_found": Kind(422, "No subject can be told from its backdrop"),
    "malformed_image": Kind(422, "The picture is broken"),
    "idempotency_key_reused": Kind(422, "Idempotency-Key of another request"),
    "url_not_allowed": Kind(422, "This URL is not called"),
    "url_fetch_failed": Kind(422, "The URL could not be fetched"),
    "channel_rejected": Kind(424, "The channel refused it"),
    "rate_limited": Kind(429, "Too many requests", retryable=True),
    "concurrency_limited": Kind(429, "Too many requests at once", retryable=True),
    "all_items_failed": Kind(422, "No item of the job succeeded"),
    "job_dead": Kind(422, "The job was given up"),
    "internal": Kind(500, "Internal error", retryable=True),
    "oidc_failed": Kind(502, "The provider does not answer", retryable=True),
    "channel_unreachable": Kind(502, "The channel does not answer", retryable=True),
    "overloaded": Kind(503, "Overloaded", retryable=True),
    "not_yet_visible": Kind(503, "Not visible yet", retryable=True),
    "timeout": Kind(504, "Took too long", retryable=True),
}
INTERNAL = KINDS["internal"]


class Mistakes(InvalidInput):
    """Several fields of one request are wrong; the first stands for all in code and detail."""

    def __init__(self, mistakes: Sequence[Refusal]) -> None:
        first = mistakes[0]
        super().__init__(
            first.code, first.detail, fix=first.fix, param=first.param, allowed=first.allowed
        )
        self.mistakes = tuple(mistakes)


class KeyReused(InvalidInput):
    """A request with this Idempotency-Key said something else; the problem names what differs."""

    def __init__(self, changed_fields: Sequence[str]) -> None:
        super().__init__(
            "idempotency_key_reused",
            "A request with this Idempotency-Key was sent before and differed in "
            f"{', '.join(changed_fields)}.",
            param="Idempotency-Key",
            fix="Use a new key for a new request; repeat a request exactly as it was.",
        )
        self.changed_fields = tuple(changed_fields)


def kind_of(code: str) -> Kind:
    """The kind of a code; a code that nobody mapped is an internal error, and a test finds it."""
    return KINDS.get(code, INTERNAL)


def problem_of(refusal: Refusal, *, request_id: str) -> dict[str, Any]:
    """The refusal as the members of a problem document; members that say nothing are left out."""
    kind = kind_of(refusal.code)
    problem = _members(refusal) | {
        "status": kind.status,
        "retryable": kind.retryable or refusal.retryable,
        "requestId": request_id,
    }
    if isinstance(refusal, Mistakes):
        problem["errors"] = [_members(mistake) for mistake in refusal.mistakes]
    if isinstance(refusal, KeyReused):
        problem["changedFields"] = refusal.changed_fields
    return problem


def problem_bytes(refusal: Refusal, *, request_id: str) -> bytes:
    """The problem document as it is sent."""
    return orjson.dumps(problem_of(refusal, request_id=request_id))


def headers_of(refusal: Refusal) -> dict[str, str]:
    """The headers that an answer with this refusal needs besides those of every answer."""
    headers = {"content-type": PROBLEM_JSON, "cache-control": "no-store"}
    status = kind_of(refusal.code).status
    if status == 401:  # noqa: PLR2004 - RFC 9110, 11.6.1: a 401 names the scheme
        headers["www-authenticate"] = f'Bearer realm="packshot", error="{refusal.code}"'
    if status in {429, 503}:
        headers["retry-after"] = RETRY_AFTER_S
    return headers | {name.lower(): value for name, value in refusal.headers.items()}


def internal_error() -> Refusal:
    """What a caller reads when the fault is ours; the log has the rest under the request id."""
    return Refusal(
        "internal",
        "Something failed on our side; it is in the log under this request id.",
        fix="Try again; if it stays, report the request id.",
    )


def refusal_of(error: HTTPException) -> Refusal:
    """An error of the web framework as a refusal with a code of ours."""
    match error.code:
        case 404:
            return InvalidInput(
                "not_found", "There is nothing at this address.", fix="See /api/v1/openapi for all."
            )
        case 405:
            return _method_not_allowed(error)
        case 413:
            return InvalidInput("file_too_large", "The request body is too large.")
        case 415:
            return InvalidInput("unsupported_media_type", "This media type is not read here.")
        case status if status is not None and status < 500:  # noqa: PLR2004 - the caller's fault
            return InvalidInput("malformed_request", "The request cannot be read.")
    return internal_error()


def _method_not_allowed(error: HTTPException) -> Refusal:
    methods = sorted(getattr(error, "valid_methods", None) or ())
    told = [method for method in methods if method != "OPTIONS"]
    return InvalidInput(
        "method_not_allowed",
        f"This address answers {_listed(told, 'and')} only.",
        fix=f"Use {_listed(told, 'or')}.",
        headers={"allow": ", ".join(methods)},
    )


def _listed(words: Sequence[str], conjunction: str) -> str:
    *most, last = words or ("nothing",)
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def _members(refusal: Refusal) -> dict[str, Any]:
    members = {
        "type": DOCUMENTS_PATH + refusal.code,
        "title": kind_of(refusal.code).title,
        "code": refusal.code,
        "detail": refusal.detail,
        "param": refusal.param,
        "allowed": refusal.allowed,
        "fix": refusal.fix,
    }
    return {name: value for name, value in members.items() if value is not None}
