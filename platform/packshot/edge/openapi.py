"""The OpenAPI 3.1 document, made from the endpoints' declarations alone."""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias

import orjson
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from packshot.edge.contract import Endpoint
from packshot.edge.fields import Margin, NotYet, Number, WholeNumber
from packshot.edge.forms import Form
from packshot.edge.gate import HEAVY_COST
from packshot.edge.problems import DOCUMENTS_PATH, KINDS, PROBLEM_JSON

Schema: TypeAlias = dict[str, Any]

REF = "#/components/schemas/{model}"
API_PREFIX = "/api/"
KEY_CODES = (
    "ambiguous_credentials", "key_in_query", "key_missing", "key_malformed", "key_unknown",
    "key_expired", "rate_limited",
)  # fmt: skip
FIELD_CODES = ("unknown_field", "duplicate_field")

HEADERS = {
    "x-request-id": ("string", "This request's id; problems and the log name it."),
    "x-ratelimit-limit": ("integer", "Requests of weight 1 that may come at once."),
    "x-ratelimit-remaining": ("integer", "How many of them are left."),
    "x-ratelimit-reset": ("integer", "Unix time at which the limit is whole again."),
    "x-ratelimit-retry-after": ("integer", "Seconds to wait; 0 when the request was allowed."),
    "ratelimit": ("string", "IETF RateLimit: what is left of the tightest policy."),
    "ratelimit-policy": ("string", "IETF RateLimit-Policy: the tightest policy."),
    "retry-after": ("integer", "Seconds to wait before the next try."),
    "x-log-position": ("integer", "The organization's event number after this write."),
    "x-log-head": ("string", "Signed head of the log: position.hash.signature; keep the last one."),
    "x-output-id": ("string", "The output whose bytes these are."),
    "x-recipe-hash": ("string", "SHA-256 of the recipe that made these bytes."),
    "x-accepted-scopes": ("string", "The scope that the key lacks."),
    "etag": ("string", "SHA-256 of the bytes, quoted."),
    "content-range": ("string", "Which bytes of how many these are."),
    "allow": ("string", "The methods that this address answers."),
}
EVERY_ANSWER = tuple(name for name in HEADERS if name.startswith(("x-request", "x-rate", "rate")))
REFUSAL_HEADERS = {403: ("x-accepted-scopes",), 429: ("retry-after",), 503: ("retry-after",)}

PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong, as RFC 9457 says it.",
    "required": ["type", "title", "status", "code", "detail", "retryable", "requestId"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {
            "type": "string",
            "description": f"Stable; explained at {DOCUMENTS_PATH}{{code}}.",
        },
        "detail": {"type": "string"},
        "param": {"type": "string", "description": "The field that is wrong."},
        "allowed": {"type": "object", "description": "What would have been allowed."},
        "fix": {"type": "string"},
        "retryable": {"type": "boolean"},
        "requestId": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
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
                "schemas": _schemas(endpoints),
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
    if not endpoint.is_public:
        codes += KEY_CODES
        codes += ["scope_missing"] if ":" in endpoint.scope else []
    if _fields(endpoint.form):
        codes.append("invalid_parameter")
    codes += [f"{name}_out_of_range" for name, kind in _ranged(endpoint.form) if kind]
    if endpoint.has_body:
        codes.append("unsupported_media_type")
        codes += ["file_too_large", "not_found"] if endpoint.file_field else ["file_too_large"]
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
    if endpoint.has_body:
        operation["requestBody"] = _request_body(endpoint)
    else:
        schema = endpoint.form.model_json_schema()["properties"] if _fields(endpoint.form) else {}
        parameters += [_query_parameter(name, schema[name]) for name in schema]
    return operation | ({"parameters": parameters} if parameters else {})


def _responses(endpoint: Endpoint) -> Schema:
    headers = (*EVERY_ANSWER, *endpoint.answer_headers)
    content: Schema = {media: {} for media in endpoint.media_types}
    if endpoint.answer is not None:
        content["application/json"] = {"schema": _ref(endpoint.answer)}
    responses: Schema = {"200": {"description": "Done.", "headers": _header_refs(headers)}}
    if content:
        responses["200"]["content"] = content
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
    content["application/json"] = {"schema": reference}
    return {"required": True, "content": content}


class _Untitled(GenerateJsonSchema):
    """JSON Schema without titles that only repeat the names of the fields."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False


def _schemas(endpoints: Sequence[Endpoint]) -> Schema:
    answers = {e.answer for e in endpoints if e.answer is not None}
    modes = [(model, "serialization") for model in sorted(answers, key=lambda m: m.__name__)]
    _, definitions = models_json_schema(modes, ref_template=REF, schema_generator=_Untitled)  # type: ignore[arg-type] # the modes are literals
    schemas: Schema = {"Problem": PROBLEM, **definitions.get("$defs", {})}
    for endpoint in endpoints:
        if endpoint.has_body:
            name = endpoint.form.__name__
            flat = _form_schema(endpoint.form)
            schemas[name] = _nested(flat)
            if endpoint.file_field is not None:
                schemas[name + "Multipart"] = _multipart(flat, endpoint.file_field)
    return schemas


def _form_schema(form: type[Form]) -> Schema:
    schema = form.model_json_schema(schema_generator=_Untitled)
    hidden = [name for name, field in _fields(form) if _kind(field, NotYet)]
    properties = {n: s for n, s in schema["properties"].items() if n not in hidden}
    return {**schema, "properties": properties}


def _nested(flat: Schema) -> Schema:
    """The schema with dotted names as objects within objects, as JSON writes them."""
    properties: Schema = {}
    for name, schema in flat["properties"].items():
        outer, dot, inner = name.partition(".")
        if dot:
            within = properties.setdefault(
                outer, {"type": "object", "additionalProperties": False, "properties": {}}
            )
            within["properties"][inner] = schema
        else:
            properties[name] = schema
    return {**flat, "properties": properties}


def _multipart(flat: Schema, file_field: str) -> Schema:
    file = {"type": "string", "format": "binary", "description": "The picture's file."}
    return {**flat, "properties": {file_field: file, **flat["properties"]}}


def _fields(form: type[Form]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in form.model_fields.items()]


def _ranged(form: type[Form]) -> Iterable[tuple[str, bool]]:
    for name, field in _fields(form):
        yield name, _kind(field, WholeNumber, Number, Margin)


def _kind(field: FieldInfo, *kinds: type) -> bool:
    """True when the field is of one of these kinds, also inside an optional."""
    held = [field.annotation, *getattr(field.annotation, "__args__", ()), *field.metadata]
    return any(
        isinstance(mark, kinds) for h in held for mark in (h, *getattr(h, "__metadata__", ()))
    )


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
    return parts[0] if endpoint.path.startswith(API_PREFIX) else "service"


def _version() -> str:
    try:
        return version("packshot")
    except PackageNotFoundError:
        return "0"
