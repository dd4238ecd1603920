"""What the tester knows of the API: every endpoint and its fields, read from the document.

The document is made from the endpoints' declarations alone, so nothing is described twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from packshot.edge.event_streams import EVENT_STREAM

Schema: TypeAlias = dict[str, Any]

API = "/api/v1/"
PUBLIC = "/api/"
MULTIPART = "multipart/form-data"
USUAL = (
    "image", "imageUrl", "format", "width", "height", "margin", "background", "shadow.mode",
    "factor", "kind", "colors", "prompt", "channel", "name", "scopeSet", "scopes", "operation",
)  # fmt: skip
GROUPS = {"openapi": "OpenAPI", "org": "Organization"}
REF = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the tester's form.

    ``place`` is path, query, header or body; ``kind`` file, choice, number, json or text. ``usual``
    is what counts when it is left out, ``sample`` a value that works.
    """

    name: str
    place: str
    kind: str
    description: str
    choices: Sequence[str]
    usual: str
    sample: str
    minimum: str
    maximum: str
    is_required: bool
    is_first: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint: ``body`` is multipart, json or nothing; ``legacy`` its address without a key."""

    name: str
    method: str
    path: str
    summary: str
    group: str
    scope: str
    needs_key: bool
    legacy: str
    body: str
    fields: Sequence[Field]
    answers_image: bool
    answers_events: bool

    @property
    def first_fields(self) -> list[Field]:
        """Those that are seen at once."""
        return [field for field in self.fields if field.is_first]

    @property
    def more_fields(self) -> list[Field]:
        """Those that are folded away."""
        return [field for field in self.fields if not field.is_first]


@lru_cache(maxsize=2)
def operations_of(document: bytes) -> Sequence[Operation]:
    """Every operation of the OpenAPI document, in its order."""
    read = orjson.loads(document)
    return tuple(
        _operation(method.upper(), path, said, read)
        for path, methods in read["paths"].items()
        for method, said in methods.items()
    )


def _operation(method: str, path: str, said: Schema, document: Schema) -> Operation:
    content = said.get("requestBody", {}).get("content", {})
    answers = _answers(said)
    legacy = path.replace(API, PUBLIC, 1)
    is_open = bool(said["security"])
    has_legacy = is_open and "post" in document["paths"].get(legacy, {}) and method == "POST"
    body = "multipart" if MULTIPART in content else "json" if content else ""
    fields = [_parameter(one) for one in said.get("parameters", ())]
    if body:
        media = MULTIPART if body == "multipart" else "application/json"
        fields += _body_fields(content[media]["schema"], document["components"]["schemas"])
    return Operation(
        said["operationId"],
        method,
        path,
        said["summary"],
        _group(path, said["tags"][0]),
        said.get("x-required-scope", ""),
        is_open,
        legacy if has_legacy else "",
        body,
        fields,
        answers_image=any(media.startswith("image/") for media in answers),
        answers_events=EVENT_STREAM in answers,
    )


def _group(path: str, tag: str) -> str:
    if path.startswith(API):
        return GROUPS.get(tag, tag.capitalize())
    return "Without a key" if path.startswith(PUBLIC) else "Service"


def _answers(said: Schema) -> set[str]:
    return {media for status, answer in said["responses"].items() if status.startswith("2")
            for media in answer.get("content", {})}  # fmt: skip


def _parameter(parameter: Schema) -> Field:
    schema = parameter["schema"] | {"description": parameter.get("description", "")}
    schema["description"] = schema["description"] or parameter["schema"].get("description", "")
    place = parameter["in"]
    is_required = parameter.get("required", False)
    first = is_required or place == "query"
    return _field(parameter["name"], schema, place=place, is_required=is_required, is_first=first)


def _body_fields(schema: Schema, components: Mapping[str, Schema]) -> list[Field]:
    """The fields of a body; those of a form of several kinds together, each once."""
    resolved = _resolved(schema, components)
    variants = [_resolved(one, components) for one in resolved.get("anyOf", ())]
    kinds = [one for one in variants if "properties" in one] or [resolved]
    found: dict[str, Field] = {}
    for kind in kinds:
        required = set(kind.get("required", ()))
        for name, said in _flat(kind.get("properties", {})).items():
            is_required = name in required
            first = is_required or name in USUAL
            field = _field(name, said, place="body", is_required=is_required, is_first=first)
            found.setdefault(name, field)
    if not any(field.is_first for field in found.values()) or len(found) <= len(USUAL) // 3:
        return list(found.values())
    return sorted(found.values(), key=_rank)


def _rank(field: Field) -> int:
    return USUAL.index(field.name) if field.name in USUAL else len(USUAL)


def _flat(properties: Schema, within: str = "") -> Schema:
    """Nested objects by dotted names, which the API reads as well."""
    flat: Schema = {}
    for name, said in properties.items():
        if "properties" in said:
            flat |= _flat(said["properties"], f"{within}{name}.")
        else:
            flat[within + name] = said
    return flat


def _field(name: str, said: Schema, *, place: str, is_required: bool, is_first: bool) -> Field:
    plain = _plain(said)
    choices = [str(word) for word in plain.get("enum", ())]
    sample = (said.get("examples") or [None])[0]
    return Field(
        name,
        place,
        _kind(said, plain),
        said.get("description") or said.get("title", ""),
        choices or (["true", "false"] if plain.get("type") == "boolean" else []),
        _text(said.get("default")),
        _text(sample),
        _text(plain.get("minimum")),
        _text(plain.get("maximum")),
        is_required,
        is_first,
    )


def _kind(said: Schema, plain: Schema) -> str:
    if said.get("format") == "binary":
        return "file"
    if "enum" in plain or plain.get("type") == "boolean":
        return "choice"
    if plain.get("type") in {"integer", "number"}:
        return "number"
    return "json" if plain.get("type") in {"array", "object"} else "text"


def _plain(said: Schema) -> Schema:
    """The schema without the null that it also allows; that of several types is any text."""
    choices = [one for one in said.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        return _plain(choices[0])
    if choices or "oneOf" in said:
        return {}
    kinds = said.get("type")
    if isinstance(kinds, list):
        return said | {"type": next(kind for kind in kinds if kind != "null")}
    return said


def _resolved(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    reference = schema.get("$ref")
    return schema if reference is None else components[reference.removeprefix(REF)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
