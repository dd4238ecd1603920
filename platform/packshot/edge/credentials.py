"""Who asks: the one API key of a request, from ``x-api-key`` or ``Authorization: Bearer``.

Cookies are never looked at, so a page of another origin can use this API with a key and with
nothing else.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from domain.errors import Forbidden, InvalidInput, Unauthenticated
from domain.scopes import Scope

if TYPE_CHECKING:
    from packshot.store.keycache import KeyRecord

KEY_SHAPED_PREFIXES = ("pshot_live_", "pshot_test_")
HOW_TO_SEND = "Send the key as x-api-key: KEY, or as Authorization: Bearer KEY."


@dataclass(slots=True)
class Credentials:
    """What a request's headers hold of ``x-api-key`` and ``Authorization``, as they came."""

    api_keys: list[bytes] = field(default_factory=list)
    authorizations: list[bytes] = field(default_factory=list)


def find_key(credentials: Credentials, query_string: bytes) -> str | None:
    """The text of the request's key, unchecked; None when it has none.

    Raises InvalidInput (key_in_query, ambiguous_credentials) and Unauthenticated (key_malformed)
    for an Authorization header of another scheme.
    """
    if query_string:
        refuse_key_in_query(query_string)
    api_keys, authorizations = credentials.api_keys, credentials.authorizations
    if len(api_keys) == 1 and not authorizations:  # what nearly every request looks like
        return api_keys[0].decode("latin-1").strip() or None
    found = {text.decode("latin-1").strip() for text in api_keys} - {""}
    found.update(_bearer(value.decode("latin-1").strip()) for value in authorizations if value)
    if len(found) > 1:
        raise InvalidInput(
            "ambiguous_credentials",
            "The request holds two different keys.",
            fix="Send one key, in one header.",
        )
    return found.pop() if found else None


def key_missing() -> Unauthenticated:
    """The refusal of a request without a key, where one is needed."""
    return Unauthenticated(
        "key_missing", "This endpoint needs an API key and the request has none.", fix=HOW_TO_SEND
    )


def require_scope(key: "KeyRecord", scope: Scope) -> None:
    """Raise Forbidden, naming the scope, when the key does not hold it."""
    if scope not in key.scopes:
        raise Forbidden(
            "scope_missing",
            f"The key {key.prefix} does not hold the scope {scope}.",
            fix=f"Use a key with the scope {scope}.",
            allowed={"scopes": [str(scope)]},
            headers={"x-accepted-scopes": str(scope)},
        )


def _bearer(value: str) -> str:
    scheme, _, text = value.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthenticated(
            "key_malformed",
            "The Authorization header does not hold a bearer key.",
            fix=HOW_TO_SEND,
        )
    return text.strip()


def refuse_key_in_query(query_string: bytes) -> None:
    """Refuse a key in the URL, whatever its parameter's name: URLs end in logs and histories."""
    if b"pshot" not in query_string and b"%" not in query_string:
        return
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    for name, value in pairs:
        if value.strip().startswith(KEY_SHAPED_PREFIXES):
            raise InvalidInput(
                "key_in_query",
                f"The query parameter {name[:40]} holds an API key; URLs are written to logs.",
                param=name[:40],
                fix=f"{HOW_TO_SEND} Rotate this key: it may have been logged on its way.",
            )
