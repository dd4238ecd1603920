"""The document's schemas: of answers, of forms as JSON and as multipart, and of problems."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from packshot.edge.contract import Endpoint
from packshot.edge.fields import NotYet, ReadField, Whole
from packshot.edge.forms import Form
from packshot.edge.problems import DOCUMENTS_PATH
from packshot.edge.quantities import Margin, Number, WholeNumber

Schema: TypeAlias = dict[str, Any]

REF = "#/components/schemas/{model}"
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
        "changedFields": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What differs from the request that had this Idempotency-Key.",
        },
    },
}


class _Untitled(GenerateJsonSchema):
    """JSON Schema without titles that only repeat the names of the fields."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False


def component_schemas(endpoints: Sequence[Endpoint]) -> Schema:
    """Every schema that the operations refer to, by its name."""
    told = (model for e in endpoints for model in (e.answer, e.accepted))
    answers = {model for model in told if model is not None}
    modes = [(model, "serialization") for model in sorted(answers, key=lambda m: m.__name__)]
    _, definitions = models_json_schema(modes, ref_template=REF, schema_generator=_Untitled)  # type: ignore[arg-type] # the modes are literals
    schemas: Schema = {"Problem": PROBLEM, **definitions.get("$defs", {})}
    for endpoint in endpoints:
        if endpoint.has_body:
            schemas |= _body_schemas(endpoint)
    return schemas


def _body_schemas(endpoint: Endpoint) -> Schema:
    """The schemas of an endpoint's form; of a form of several kinds each, and any of them."""
    name, variants = endpoint.form.__name__, endpoint.form.variants()
    schemas: Schema = {}
    for form in variants:
        schemas[form.__name__] = json_schema_of(form)
        if endpoint.file_field is not None:
            schemas[form.__name__ + "Multipart"] = _multipart(form, endpoint.file_field)
    if len(variants) > 1:
        for ending in ("", "Multipart") if endpoint.file_field is not None else ("",):
            references = [{"$ref": REF.format(model=form.__name__ + ending)} for form in variants]
            schemas[name + ending] = {"anyOf": references}
    return schemas


def json_schema_of(form: type[Form]) -> Schema:
    """The schema of a form as JSON writes it."""
    return _nested(_form_schema(form))


def _form_schema(form: type[Form]) -> Schema:
    schema = form.model_json_schema(schema_generator=_Untitled)
    hidden = [name for name, field in fields_of(form) if _kind(field, NotYet, Whole)]
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


def _multipart(form: type[Form], file_field: str) -> Schema:
    """The schema of the same fields beside a file, which stands in for those that are required."""
    flat = _form_schema(form)
    only_json = [name for name, field in fields_of(form) if _is_only_json(field)]
    file = {"type": "string", "format": "binary", "description": "The picture's file."}
    fields = {name: _without_null(schema) for name, schema in flat["properties"].items()
              if name not in only_json}  # fmt: skip
    multipart = {**flat, "properties": {file_field: file, **fields}}
    choices = [c for c in flat.get("anyOf", []) if not set(c["required"]) & set(only_json)]
    return {**multipart, "anyOf": [{"required": [file_field]}, *choices]}


def _without_null(schema: Schema) -> Schema:
    """A field of a form is there or not; the text ``null`` would be one of its values."""
    kept = {k: v for k, v in schema.items() if not (k == "default" and v is None)}
    if isinstance(kept.get("type"), list):
        kept["type"] = next(kind for kind in kept["type"] if kind != "null")
    if "anyOf" in kept:
        kept["anyOf"] = [choice for choice in kept["anyOf"] if choice != {"type": "null"}]
    return kept


def fields_of(form: type[Form]) -> list[tuple[str, FieldInfo]]:
    """The fields of a form by their public names."""
    return [(field.alias or name, field) for name, field in form.model_fields.items()]


def ranged_fields(form: type[Form]) -> list[str]:
    """The public names of the fields that have a range, and so a code of their own."""
    return [
        name
        for variant in form.variants()
        for name, field in fields_of(variant)
        if _kind(field, WholeNumber, Number, Margin)
    ]


def repeated_fields(form: type[Form]) -> frozenset[str]:
    """The public names of the fields that multipart may repeat."""
    return frozenset(
        name
        for name, field in fields_of(form)
        if any(isinstance(mark, ReadField) and mark.may_repeat for mark in _marks(field))
    )


def _kind(field: FieldInfo, *kinds: type) -> bool:
    """True when the field is of one of these kinds, also inside an optional."""
    return any(isinstance(mark, kinds) for mark in _marks(field))


def _is_only_json(field: FieldInfo) -> bool:
    return any(isinstance(mark, ReadField) and mark.is_only_json for mark in _marks(field))


def _marks(field: FieldInfo) -> list[Any]:
    held = [field.annotation, *getattr(field.annotation, "__args__", ()), *field.metadata]
    return [mark for h in held for mark in (h, *getattr(h, "__metadata__", ()))]
