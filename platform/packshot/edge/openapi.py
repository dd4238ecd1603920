"""The OpenAPI 3.1 document, made from the endpoints' declarations alone."""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version

import orjson
from pydantic import BaseModel

from packshot.edge.contract import Access, Endpoint
from packshot.edge.cors import is_of_api
from packshot.edge.event_streams import EVENT_STREAM
from packshot.edge.gate import HEAVY_COST
from packshot.edge.looking_back import AS_OF_POSITION
from packshot.edge.problems import KINDS, PROBLEM_JSON
from packshot.edge.schemas import REF, Schema, component_schemas, fields_of, ranged_fields

KEY_CODES = (
    "ambiguous_credentials", "key_in_query", "key_missing", "key_malformed", "key_unknown",
    "key_expired", "key_revoked", "ip_not_allowed", "rate_limited",
)  # fmt: skip
FIELD_CODES = ("unknown_field", "duplicate_field")
REPEAT_CODES = ("idempotency_in_progress", "idempotency_key_reused", "overloaded")
WAIT_CODES = ("invalid_parameter", "not_yet_visible")
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes repeats safe: one effect, and the first answer again for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 257},
}
MIN_POSITION = {
    "name": "x-min-position",
    "in": "header",
    "description": "Wait up to 2 s until the answer includes the write of this x-log-position.",
    "schema": {"type": "integer", "minimum": 0},
}

LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event received: the stream goes on after it.",
    "schema": {"type": "integer", "minimum": 0},
}

HEADERS = {
    "x-request-id": ("string", "This request's id; problems and the log name it."),
    "x-ratelimit-limit": ("integer", "Requests of weight 1 that may come at once."),
    "x-ratelimit-remaining": ("integer", "How many of them are left."),
    "x-ratelimit-reset": ("integer", "Unix time at which the limit is whole again."),
    "x-ratelimit-retry-after": ("integer", "Seconds to wait; 0 when the request was allowed."),
    "ratelimit": (
        "string",
        "IETF RateLimit: what is left of each policy that applied, tightest first.",
    ),
    "ratelimit-policy": (
        "string",
        "IETF RateLimit-Policy: the policies that applied, tightest first.",
    ),
    "retry-after": ("integer", "Seconds to wait before the next try."),
    "x-log-position": ("integer", "The organization's event number after this write."),
    "x-as-of-position": ("integer", "With asOf: the position of the log that is answered as of."),
    "x-log-head": ("string", "Signed head of the log: position.hash.signature; keep the last one."),
    "idempotency-replayed": ("string", "true when an earlier answer is repeated."),
    "x-output-id": ("string", "The output whose bytes these are."),
    "x-recipe-hash": ("string", "SHA-256 of the recipe that made these bytes."),
    "x-accepted-scopes": ("string", "The scope that the key lacks."),
    "location": ("string", "Where the job, or what was created, is."),
    "etag": ("string", "SHA-256 of the bytes, quoted."),
    "content-range": ("string", "Which bytes of how many these are."),
    "allow": ("string", "The methods that this address answers."),
}
EVERY_ANSWER = tuple(name for name in HEADERS if name.startswith(("x-request", "x-rate", "rate")))
REFUSAL_HEADERS = {
    403: ("x-accepted-scopes",),
    409: ("retry-after",),
    429: ("retry-after",),
    503: ("retry-after",),
}


def openapi_document(endpoints: Sequence[Endpoint]) -> bytes:
    """The document of these endpoints as JSON."""
    paths: dict[str, Schema] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Packshot",
                "version": _version(),
                "description": "Product photos in, marketplace-ready images out.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": {
                "schemas": component_schemas(endpoints),
                "headers": {name: _header(*said) for name, said in HEADERS.items()},
                "securitySchemes": {
                    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                    "bearer": {"type": "http", "scheme": "bearer"},
                },
            },
        }
    )


def codes_of(endpoint: Endpoint) -> list[str]:
    """Every code that the endpoint may answer, most of them from the rest of its declaration."""
    codes = ["malformed_request", "internal", *endpoint.refuses, *FIELD_CODES]
    if endpoint.scope is not Access.PUBLIC:
        codes.append("overloaded")
    if not endpoint.is_public:
        codes += KEY_CODES
        codes += ["scope_missing"] if ":" in endpoint.scope else []
    if fields_of(endpoint.form):
        codes.append("invalid_parameter")
    codes += [f"{name}_out_of_range" for name in ranged_fields(endpoint.form)]
    if endpoint.has_body:
        codes.append("unsupported_media_type")
        codes += ["file_too_large", "not_found"] if endpoint.file_field else ["file_too_large"]
    if endpoint.is_repeatable:
        codes += REPEAT_CODES
    if endpoint.may_wait:
        codes += WAIT_CODES
    if endpoint.cost >= HEAVY_COST:
        codes.append("concurrency_limited")
    return sorted(set(codes), key=codes.index)


def _operation(endpoint: Endpoint) -> Schema:
    operation: Schema = {
        "operationId": endpoint.name,
        "summary": (endpoint.handler.__doc__ or "").strip().split("\n")[0],
        "tags": [_tag(endpoint)],
        "security": [] if endpoint.is_public else [{"apiKey": []}, {"bearer": []}],
        "responses": _responses(endpoint),
    }
    if not endpoint.is_public:
        operation["x-required-scope"] = str(endpoint.scope)
    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", endpoint.path)]
    if endpoint.is_repeatable:
        parameters.append(IDEMPOTENCY_KEY)
    if endpoint.may_wait:
        parameters.append(MIN_POSITION)
    if EVENT_STREAM in endpoint.media_types:
        parameters.append(LAST_EVENT_ID)
    if endpoint.has_body:
        operation["requestBody"] = _request_body(endpoint)
    else:
        schema = endpoint.form.model_json_schema()["properties"] if fields_of(endpoint.form) else {}
        parameters += [_query_parameter(name, schema[name]) for name in schema]
    return operation | ({"parameters": parameters} if parameters else {})


def _responses(endpoint: Endpoint) -> Schema:
    headers = (*EVERY_ANSWER, *endpoint.answer_headers)
    headers += ("idempotency-replayed",) if endpoint.is_repeatable else ()
    headers += (AS_OF_POSITION,) if endpoint.may_look_back else ()
    content: Schema = {media: {} for media in endpoint.media_types}
    if endpoint.answer is not None:
        content["application/json"] = {"schema": _ref(endpoint.answer)}
    responses: Schema = {}
    done = "201" if endpoint.created else "200"
    if content or endpoint.accepted is None:
        headers += ("location",) if endpoint.created else ()
        description = "Created." if endpoint.created else "Done."
        responses[done] = {"description": description, "headers": _header_refs(headers)}
    if content:
        responses[done]["content"] = content
    if endpoint.accepted is not None:
        responses["202"] = {
            "description": "Accepted; Location says where to look for the end.",
            "headers": _header_refs((*headers, "location")),
            "content": {"application/json": {"schema": _ref(endpoint.accepted)}},
        }
    if EVENT_STREAM in endpoint.media_types:
        description = "Everything up to the end has been told."
        responses["204"] = {"description": description, "headers": _header_refs(headers)}
    if "content-range" in endpoint.answer_headers:
        responses["206"] = {**responses["200"], "description": "The range that was asked for."}
        responses["304"] = {"description": "Not changed.", "headers": _header_refs(headers)}
    by_status: dict[int, list[str]] = {}
    for code in codes_of(endpoint):
        by_status.setdefault(KINDS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _problem_response(status, codes)
    return responses


def _problem_response(status: int, codes: list[str]) -> Schema:
    schema = {
        "allOf": [{"$ref": REF.format(model="Problem")}],
        "properties": {"status": {"const": status}, "code": {"enum": codes}},
    }
    return {
        "description": "; ".join(KINDS[code].title for code in codes) + ".",
        "headers": _header_refs((*EVERY_ANSWER, *REFUSAL_HEADERS.get(status, ()))),
        "content": {PROBLEM_JSON: {"schema": schema}},
    }


def _request_body(endpoint: Endpoint) -> Schema:
    content: Schema = {}
    reference = {"$ref": REF.format(model=endpoint.form.__name__)}
    if endpoint.file_field is not None:
        multipart = {"$ref": REF.format(model=endpoint.form.__name__ + "Multipart")}
        content["multipart/form-data"] = {"schema": multipart}
    if endpoint.json_max_bytes:
        content["application/json"] = {"schema": reference}
    return {"required": True, "content": content}


def _path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameter(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "schema": schema}


def _header(kind: str, description: str) -> Schema:
    return {"description": description, "schema": {"type": kind}}


def _header_refs(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(model: type[BaseModel]) -> Schema:
    return {"$ref": REF.format(model=model.__name__)}


def _tag(endpoint: Endpoint) -> str:
    parts = endpoint.path.removeprefix("/api/v1/").strip("/").split("/")
    return parts[0] if is_of_api(endpoint.path) else "service"


def _version() -> str:
    try:
        return version("packshot")
    except PackageNotFoundError:
        return "0"
