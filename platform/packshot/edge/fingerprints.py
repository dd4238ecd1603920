"""What a request said, as one hash for each field and file: equal for an honest retry.

Never over the raw body: a retry has other multipart boundaries and perhaps another order. A field
counts as it was sent, so the text "2000" of a form and the number of a JSON body differ.
"""

import json
from collections.abc import Mapping
from hashlib import sha256

ACCEPT = "accept"


def fingerprint_of(
    values: Mapping[str, object], *, files: Mapping[str, str], answers_bytes: bool
) -> dict[str, str]:
    """The hash of each field by its name; ``files`` are SHA-256 in hex by the field's name.

    A JSON null says the same as a field left out. Whether the answer is a picture's bytes or JSON
    is part of the wish, under the name ``accept``.
    """
    fields = {name: _hash(value) for name, value in values.items() if value is not None}
    hashes = {name: f"file {digest}" for name, digest in files.items()}
    return dict(sorted((fields | hashes | {ACCEPT: "bytes" if answers_bytes else "json"}).items()))


def changed_fields(kept: Mapping[str, str], sent: Mapping[str, str]) -> list[str]:
    """The names whose values differ, are new or are gone, in their order."""
    return sorted(name for name in kept.keys() | sent.keys() if kept.get(name) != sent.get(name))


def _hash(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
