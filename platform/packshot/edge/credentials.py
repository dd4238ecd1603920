"""Who asks: the one API key of a request, from ``x-api-key`` or ``Authorization: Bearer``.

Cookies are never looked at, so a page of another origin can use this API with a key and with
nothing else.
"""

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from werkzeug.datastructures import Headers

from domain.errors import Forbidden, InvalidInput, Unauthenticated
from domain.scopes import Scope

if TYPE_CHECKING:
    from packshot.store.keycache import KeyRecord

KEY_SHAPED_PREFIXES = ("pshot_live_", "pshot_test_")
HOW_TO_SEND = "Send the key as x-api-key: KEY, or as Authorization: Bearer KEY."


def find_key(headers: Headers, query_string: bytes) -> str | None:
    """The text of the request's key, unchecked; None when it has none.

    Raises InvalidInput (key_in_query, ambiguous_credentials) and Unauthenticated (key_malformed)
    for an Authorization header of another scheme.
    """
    if query_string:
        refuse_key_in_query(query_string)
    found = {*_api_keys(headers), *_bearers(headers)}
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


def _api_keys(headers: Headers) -> list[str]:
    return [value.strip() for value in headers.getlist("x-api-key") if value.strip()]


def _bearers(headers: Headers) -> list[str]:
    bearers = []
    for value in headers.getlist("authorization"):
        scheme, _, text = value.strip().partition(" ")
        if not scheme:
            continue
        if scheme.lower() != "bearer" or not text.strip():
            raise Unauthenticated(
                "key_malformed",
                "The Authorization header does not hold a bearer key.",
                fix=HOW_TO_SEND,
            )
        bearers.append(text.strip())
    return bearers


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
