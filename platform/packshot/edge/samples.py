"""Samples of what a JSON Schema describes: example bodies and example answers of the documents.

What a field declares comes first: its ``examples``, then its default. Where it declares neither,
the value follows from its type and its name.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from domain.ids import Id
from packshot.edge.moments import EXAMPLE
from packshot.edge.schemas import Schema

DEEPEST = 8
CHOICES = ("anyOf", "oneOf", "allOf")
SAMPLE_ID = "01kapq3x0tw5rz8v9m2c4d6e7f"
SAMPLE_HASH = "5ccdf6b6cc99cc936a700ddd233564ba222d3c1de7c07fa7a3647f2bb1d34f11"
WORDS: Mapping[str, Any] = {
    "address": "192.0.2.7",
    "bytes": 412_334,
    "channel": "amazon",
    "clientRef": "order-4711",
    "code": "margin_out_of_range",
    "detail": "What went wrong, in a sentence.",
    "email": "ada@example.com",
    "events": "/api/v1/jobs/job_01kapq3x0tw5rz8v9m2c4d6e7f/events",
    "format": "jpeg",
    "height": 2000,
    "items": "/api/v1/jobs/job_01kapq3x0tw5rz8v9m2c4d6e7f/items",
    "label": "amazon-main",
    "name": "Example",
    "operation": "process",
    "presetLabel": "api-test",
    "self": "/api/v1/jobs/job_01kapq3x0tw5rz8v9m2c4d6e7f",
    "sku": "SKU-1042",
    "status": "queued",
    "url": "https://example.com/product.jpg",
    "width": 2000,
}
# What answers hold of things that did not happen, or not yet.
NOTHING = frozenset(
    {"batchId", "error", "finishedAt", "nextCursor", "notBefore", "postponed", "preset",
     "startedAt", "thumbnailUrl"}
)  # fmt: skip


def sample_of(schema: Schema, components: Mapping[str, Schema], *, name: str = "") -> Any:
    """A value of the schema; ``name`` is what the field is called."""
    return _sample(schema, components, name=name, depth=0)


def says(schema: Schema) -> bool:
    """Whether a field's declaration itself gives a value: an example or a default."""
    return bool(schema.get("examples")) or schema.get("default") is not None


def declared(schema: Schema) -> Any:
    """The value that a field's declaration itself gives, or None."""
    examples = schema.get("examples")
    return examples[0] if examples else schema.get("default")


@cache
def sample_id(name: str) -> str | None:
    """A well-formed id for a field such as ``jobId``; None for a name of no id."""
    ids = {kind.__name__[0].lower() + kind.__name__[1:]: kind for kind in Id.__subclasses__()}
    return f"{ids[name].prefix}_{SAMPLE_ID}" if name in ids else None


def is_wanted(name: str, schema: Schema, required: list[str]) -> bool:
    """Whether an example of a request holds the field: it says a value, or must be there."""
    return name in required or says(schema)


def resolved(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    """What a reference or a choice stands for: of a choice the first that is not null."""
    while "properties" not in schema and not says(schema):
        choices = next((schema[one] for one in CHOICES if one in schema), None)
        if "$ref" in schema:
            schema = components.get(schema["$ref"].rsplit("/", 1)[-1], {})
        elif choices is not None:
            schema = next((one for one in choices if one.get("type") != "null"), {})
        else:
            break
    return schema


def _sample(schema: Schema, components: Mapping[str, Schema], *, name: str, depth: int) -> Any:
    schema = resolved(schema, components)
    if says(schema) or name in NOTHING or depth > DEEPEST:
        return declared(schema)
    if "const" in schema or "enum" in schema:
        return schema.get("const", next(iter(schema.get("enum", ())), None))
    match _type_of(schema):
        case "object":
            return {
                key: _sample(value, components, name=key, depth=depth + 1)
                for key, value in schema.get("properties", {}).items()
            }
        case "array":
            item = _sample(schema.get("items", {}), components, name=name, depth=depth + 1)
            return [item] * schema.get("minItems", 1)
        case kind:
            return _plain(kind, schema, name)


def _type_of(schema: Schema) -> str:
    kinds = schema.get("type", "object" if "properties" in schema else "null")
    if isinstance(kinds, list):
        kinds = next((kind for kind in kinds if kind != "null"), "null")
    return str(kinds)


def _plain(kind: str, schema: Schema, name: str) -> Any:
    lowest = schema.get("minimum")
    of_kind = {
        "string": _text(schema, name),
        "integer": WORDS.get(name, 1 if lowest is None else int(lowest)),
        "number": 0.5 if lowest is None else lowest,
        "boolean": False,
    }
    return of_kind.get(kind)


def _text(schema: Schema, name: str) -> str:
    if schema.get("format") == "date-time":
        return EXAMPLE
    if name.endswith(("Sha256", "Hash")):
        return SAMPLE_HASH
    return sample_id(name) or str(WORDS.get(name, "example"))
