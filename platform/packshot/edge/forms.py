"""A request's fields as one checked value: known names only, and every mistake told at once."""

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from domain.errors import InvalidInput, Refusal
from packshot.edge.problems import Mistakes

MOST_MISTAKES_TOLD = 20
# Dotted names repeat what they lie within, and each unknown one is compared with all known ones:
# 63 kB of JSON with 4,200 names under a long one took 360 MB and 0.5 s of the event loop.
MOST_FIELDS = 200
# And 200 names under one of 900 kB, which a batch may hold, took 180 MB.
MOST_NAME_CHARACTERS = 256 * 1024


class Form(BaseModel):
    """The fields of one request; a subclass declares them with kinds from ``fields``.

    A field's public name is camelCase; a dotted one (``frame.targetFill``) is a nested object in
    JSON and one dotted field in multipart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    # Whose fields they are, where a refused one may belong to another: " of upscale".
    of_what: ClassVar[str] = ""
    # The fields whose JSON null takes away what they say; of any other it says nothing.
    clears: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def chosen(cls, _values: Mapping[str, object]) -> type[Self]:
        """The form that reads these values: another one where a field says what the rest are."""
        return cls

    @classmethod
    def variants(cls) -> Sequence[type[Self]]:
        """Every form that ``chosen`` may answer."""
        return (cls,)


FormT = TypeVar("FormT", bound=Form)


def read_form(form: type[FormT], values: Mapping[str, object], *, within: str = "") -> FormT:
    """Check the values; raises InvalidInput, or Mistakes when several fields are wrong.

    A JSON null says the same as a field left out, unless the form ``clears`` it. ``within`` is the
    place of the values in the request, such as ``items[3].``, and begins the names that a mistake
    tells.
    """
    form = form.chosen(values)
    try:
        said = {n: v for n, v in values.items() if v is not None or n in form.clears}
        return form.model_validate(said)
    except ValidationError as error:
        told = error.errors(include_url=False)[:MOST_MISTAKES_TOLD]
        raise all_of([_refusal_of(details, form, within=within) for details in told]) from None


def known_names(form: type[Form]) -> list[str]:
    """The public names of a form's fields, in the order of their declaration."""
    return [field.alias or name for name, field in form.model_fields.items()]


def unknown_field(
    name: str, known: Iterable[str], *, within: str = "", of_what: str = "", fix: str | None = None
) -> InvalidInput:
    """The refusal of a field that nobody declared; ``fix`` or the nearest one that somebody did."""
    names = list(known)
    nearest = _nearest(name, names)
    whole = within + _short(name)
    return InvalidInput(
        "unknown_field",
        f"There is no field {whole}{of_what}; the fields are {', '.join(names) or 'none'}.",
        param=whole,
        allowed={"fields": names},
        fix=fix or (f"Did you mean {nearest}?" if nearest else "Leave the field out."),
    )


def duplicate_field(name: str, *, within: str = "") -> InvalidInput:
    """The refusal of a field that is given twice."""
    whole = within + _short(name)
    return InvalidInput(
        "duplicate_field",
        f"The field {whole} is given more than once.",
        param=whole,
        fix=f"Send {whole} once.",
    )


def read_json_fields(body: bytes) -> dict[str, object]:
    """The fields of a JSON object, nested ones dotted; raises InvalidInput.

    A name given twice, dotted or nested, is refused where most readers silently keep the last.
    """
    try:
        fields = json.loads(
            body, object_pairs_hook=_object_of_distinct, parse_constant=_refuse_constant
        )
        if isinstance(fields, dict):
            return flat_fields(fields)
    except (ValueError, RecursionError):
        raise InvalidInput(
            "malformed_request",
            "The body is not valid JSON.",
            fix="Send one JSON object in UTF-8.",
        ) from None
    raise InvalidInput(
        "malformed_request",
        "The body must be a JSON object.",
        fix='Send one JSON object, such as {"field":"value"}.',
    )


def flat_fields(fields: Mapping[str, object], *, within: str = "") -> dict[str, object]:
    """The fields by their dotted names.

    Raises InvalidInput, ValueError for a name that is no text, RecursionError for a deep nest.
    """
    flat: dict[str, object] = {}
    characters = 0
    for name, value in _dotted(fields):
        characters += len(name)
        if characters > MOST_NAME_CHARACTERS:
            raise _too_long_names()
        if name in flat:
            raise duplicate_field(name, within=within)
        if len(flat) == MOST_FIELDS:
            raise _too_many_fields()
        name.encode()  # half a surrogate pair is no text: UnicodeEncodeError, a ValueError
        flat[name] = value
    return flat


def _dotted(fields: Mapping[str, object], within: str = "") -> Iterable[tuple[str, object]]:
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{within}{name}.")
        else:
            yield within + name, value


def _object_of_distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise duplicate_field(name)
        fields[name] = value
    return fields


def _too_many_fields() -> InvalidInput:
    return InvalidInput(
        "malformed_request",
        f"The body holds more than {MOST_FIELDS} fields.",
        fix="Send the fields that the endpoint documents.",
    )


def _too_long_names() -> InvalidInput:
    return InvalidInput(
        "malformed_request",
        f"The names of the fields hold more than {MOST_NAME_CHARACTERS} characters.",
        fix="Send the fields that the endpoint documents.",
    )


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _refusal_of(details: ErrorDetails, form: type[Form], *, within: str) -> Refusal:
    name = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        return unknown_field(name, known_names(form), within=within, of_what=form.of_what)
    whole = within + name
    context: dict[str, Any] = details.get("ctx", {})
    fix, example = context.get("fix"), context.get("example")
    if fix is None and example is not None:
        fix = f"Use {whole}={example}{context.get('note', '')}."
    is_range = details["type"] == "out_of_range"
    return InvalidInput(
        f"{name}_out_of_range" if is_range else "invalid_parameter",
        f"{whole} {details['msg']}",
        param=whole,
        allowed=context.get("allowed"),
        fix=fix,
    )


def all_of(mistakes: Sequence[Refusal]) -> Refusal:
    """One mistake as it is, several as Mistakes."""
    return mistakes[0] if len(mistakes) == 1 else Mistakes(mistakes)


def _nearest(name: str, known: list[str]) -> str | None:
    plain = {_plain(candidate): candidate for candidate in known}
    close = get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def _plain(name: str) -> str:
    return name[:80].replace("_", "").replace("-", "").lower()


def _short(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()[:80]
