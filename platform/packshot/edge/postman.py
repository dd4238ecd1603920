"""The Postman collection (v2.1), made from the OpenAPI document: it can be imported, and run.

The format is https://schema.postman.com/collection/json/v2.1.0/draft-07/docs/index.html (2026-11).
Requests come in an order in which each finds what it needs: what is created first, what ends it
last; the ids of what was created are kept in variables for the requests that follow.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from packshot.edge.problems import DOCUMENTS_PATH, KINDS, PROBLEM_JSON
from packshot.edge.samples import WORDS, declared, is_wanted, resolved, sample_id, sample_of
from packshot.edge.schemas import Schema

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
IDENTITY = str(uuid5(NAMESPACE_URL, "packshot"))
BASE_URL = "http://localhost:3000"
DESCRIPTION = (
    "Set baseUrl to where Packshot runs, apiKey to your key, and imageFile to a photo; then send "
    "the requests one by one, or run them all from top to bottom."
)
IN_PATH = re.compile(r"{(\w+)}")
FIRST_SAID = re.compile("[,;:]")
LEAST_FAULT = 500
LEAST_PROBLEM = 400
# Creating, looking, changing, ending; as declared among equals.
TURNS = ("POST", "GET", "GET {}", "PATCH {}", "PATCH", "PUT {}", "PUT", "POST {}", "DELETE {}")
DOCUMENTED = """pm.test("answers as documented", () => {{
    pm.expect(pm.response.code).to.be.oneOf({statuses});
}});"""
KEEP = """const ids = {ids};
const keep = (value) => {{
    if (value === null || typeof value !== "object") return;
    for (const [name, one] of Object.entries(value)) {{
        if (!(name in ids) || typeof one !== "string") continue;{unless}
        pm.collectionVariables.set(name, one);
        delete ids[name];
    }}
    Object.values(value).forEach(keep);
}};
const isJson = (pm.response.headers.get("content-type") || "").startsWith("application/json");
if (pm.response.code < 300 && isJson) keep(pm.response.json());"""
# A list tells ids of things that were there before: they do not replace those of what was created.
UNLESS_KNOWN = """
        if (pm.collectionVariables.get(name) !== ids[name]) continue;"""


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation of the document."""

    method: str
    path: str
    said: Schema

    @property
    def parameters(self) -> list[str]:
        return IN_PATH.findall(self.path)

    @property
    def turn(self) -> int:
        kind = f"{self.method} {{}}" if self.parameters else self.method
        return TURNS.index(kind) if kind in TURNS else len(TURNS)


def postman_collection(document: bytes) -> bytes:
    """The collection of an OpenAPI document as JSON: a folder per tag, every operation once."""
    read = orjson.loads(document)
    operations = [
        _Operation(method.upper(), path, said)
        for path, methods in read["paths"].items()
        for method, said in methods.items()
    ]
    maker = _Maker(operations, read["components"]["schemas"])
    folders: dict[str, list[_Operation]] = {}
    for operation in operations:
        folders.setdefault(operation.said["tags"][0], []).append(operation)
    info = {"_postman_id": IDENTITY, "name": read["info"]["title"], "schema": FORMAT}
    return orjson.dumps(
        {
            "info": info | {"description": DESCRIPTION},
            "auth": _header_auth(),
            "variable": [*_settings(), *_variables(maker.ids)],
            "item": [
                {
                    "name": tag,
                    "item": [maker.item(one) for one in sorted(inside, key=lambda one: one.turn)],
                }
                for tag, inside in folders.items()
            ],
        }
    )


class _Maker:
    """Makes requests; knows which ids they name, and what a sample of each schema is."""

    def __init__(self, operations: list[_Operation], components: Mapping[str, Schema]) -> None:
        self._components = components
        self._creating = {one.path for one in operations if one.method == "POST"}
        names = dict.fromkeys(name for one in operations for name in one.parameters)
        self.ids = {name: sample_id(name) or WORDS.get(name, "example") for name in names}

    def item(self, operation: _Operation) -> Schema:
        """The request of an operation with its tests and its example answers."""
        request = self._request(operation)
        return {
            "name": FIRST_SAID.split(operation.said["summary"].rstrip("."))[0],
            "request": request,
            "event": [{"listen": "test", "script": self._script(operation)}],
            "response": list(self._answers(operation, request)),
        }

    def _request(self, operation: _Operation) -> Schema:
        said = operation.said
        request: Schema = {
            "method": operation.method,
            "header": [],
            "url": self._url(operation),
            "description": said["summary"],
        }
        if not said["security"]:
            request["auth"] = {"type": "noauth"}
        content = said.get("requestBody", {}).get("content", {})
        if "multipart/form-data" in content:
            request["body"] = self._form(content["multipart/form-data"]["schema"])
        elif content:
            body = self._json(content["application/json"]["schema"])
            text = json.dumps(body, indent=2, ensure_ascii=False)
            language = {"raw": {"language": "json"}}
            request["body"] = {"mode": "raw", "raw": text, "options": language}
            request["header"].append({"key": "content-type", "value": "application/json"})
        if any(one["name"] == "Idempotency-Key" for one in said.get("parameters", ())):
            once = {"key": "idempotency-key", "value": "{{$guid}}", "disabled": True}
            request["header"].append(once)
        return request

    def _url(self, operation: _Operation) -> Schema:
        path = IN_PATH.sub(r":\1", operation.path)
        query = [
            _query_parameter(one)
            for one in operation.said.get("parameters", ())
            if one["in"] == "query"
        ]
        asked = "&".join(f"{q['key']}={q['value']}" for q in query if not q["disabled"])
        return {
            "raw": "{{baseUrl}}" + path + (f"?{asked}" if asked else ""),
            "host": ["{{baseUrl}}"],
            "path": path.strip("/").split("/"),
            "query": query,
            "variable": [
                {"key": name, "value": f"{{{{{name}}}}}"} for name in operation.parameters
            ],
        }

    def _form(self, schema: Schema) -> Schema:
        """The fields of a multipart body; its file is the one that the variable names."""
        schema = resolved(schema, self._components)
        required = schema.get("required", [])
        fields = []
        for name, field in schema["properties"].items():
            if field.get("format") == "binary":
                fields.append({"key": name, "type": "file", "src": "{{imageFile}}"})
            elif is_wanted(name, field, required):
                value = sample_of(field, self._components, name=name)
                fields.append({"key": name, "type": "text", "value": _text(value)})
        return {"mode": "formdata", "formdata": fields}

    def _json(self, schema: Schema) -> Schema:
        """An example of a JSON body; ids that other requests find are taken from them."""
        schema = resolved(schema, self._components)
        required = list(schema.get("required", []))
        properties = schema.get("properties", {})
        choices = [choice["required"] for choice in schema.get("anyOf", ()) if "required" in choice]
        body: Schema = {}
        for name, field in properties.items():
            if "properties" in field:
                inner = self._json(field)
                body |= {name: inner} if inner else {}
            elif is_wanted(name, field, required):
                body[name] = sample_of(field, self._components, name=name)
            elif name in self.ids and sample_id(name):
                body[name] = f"{{{{{name}}}}}"
        if choices and not any(set(choice) <= body.keys() for choice in choices):
            body |= {
                name: sample_of(properties.get(name, {}), self._components, name=name)
                for name in choices[0]
            }
        return body

    def _script(self, operation: _Operation) -> Schema:
        """What is asserted of the answer; ids of what was created or found are kept."""
        statuses = [int(status) for status in operation.said["responses"]]
        lines = DOCUMENTED.format(statuses=[one for one in statuses if one < LEAST_FAULT])
        ids = {name: value for name, value in self.ids.items() if sample_id(name)}
        creates = operation.method == "POST" and not operation.parameters
        if ids and (creates or self._is_all_there_is(operation)):
            unless = "" if creates else UNLESS_KNOWN
            lines += "\n" + KEEP.format(ids=json.dumps(ids), unless=unless)
        return {"type": "text/javascript", "exec": lines.split("\n")}

    def _is_all_there_is(self, operation: _Operation) -> bool:
        """Whether it lists things that no request of the collection creates."""
        if operation.method != "GET" or operation.parameters or operation.path in self._creating:
            return False
        schema = _schema_of(operation.said["responses"].get("200", {}))
        return "data" in resolved(schema, self._components).get("properties", {})

    def _answers(self, operation: _Operation, request: Schema) -> Iterator[Schema]:
        """An example of success, where it is JSON, and one of a refusal."""
        for status, response in operation.said["responses"].items():
            schema = _schema_of(response)
            if int(status) < LEAST_PROBLEM and schema:
                sample = sample_of(schema, self._components)
                yield _example(int(status), request, "application/json", body=sample)
                break
        refusals = [s for s in ("422", "404", "401") if s in operation.said["responses"]]
        for status in refusals[:1]:
            content = operation.said["responses"][status]["content"][PROBLEM_JSON]
            code = content["schema"]["properties"]["code"]["enum"][0]
            yield _example(int(status), request, PROBLEM_JSON, body=_problem(code))


def _settings() -> list[Schema]:
    return [
        {"key": "baseUrl", "value": BASE_URL, "type": "string"},
        {"key": "apiKey", "value": "", "type": "string"},
        {"key": "imageFile", "value": "product.jpg", "type": "string"},
    ]


def _variables(ids: Mapping[str, str]) -> list[Schema]:
    return [{"key": name, "value": value, "type": "string"} for name, value in ids.items()]


def _header_auth() -> Schema:
    settings = {"key": "x-api-key", "value": "{{apiKey}}", "in": "header"}
    kept = [{"key": name, "value": value, "type": "string"} for name, value in settings.items()]
    return {"type": "apikey", "apikey": kept}


def _query_parameter(parameter: Schema) -> Schema:
    schema = parameter["schema"]
    value = declared(schema)
    return {
        "key": parameter["name"],
        "value": "" if value is None else _text(value),
        "description": schema.get("description", ""),
        "disabled": "examples" not in schema,
    }


def _text(value: Any) -> str:
    """A value as a form or a query writes it."""
    match value:
        case str():
            return value
        case list():
            return ",".join(map(_text, value))
        case _:
            return json.dumps(value)


def _schema_of(response: Schema) -> Schema:
    content: Schema = response.get("content", {}).get("application/json", {})
    schema: Schema = content.get("schema", {})
    return schema


def _example(status: int, request: Schema, media_type: str, *, body: Any) -> Schema:
    phrase = HTTPStatus(status).phrase
    return {
        "name": f"{status} {phrase}",
        "originalRequest": request,
        "status": phrase,
        "code": status,
        "_postman_previewlanguage": "json",
        "header": [{"key": "content-type", "value": media_type}],
        "body": json.dumps(body, indent=2, ensure_ascii=False),
    }


def _problem(code: str) -> Schema:
    kind = KINDS[code]
    return {
        "type": DOCUMENTS_PATH + code,
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": f"{kind.title}.",
        "retryable": kind.retryable,
        "requestId": sample_id("requestId"),
    }
