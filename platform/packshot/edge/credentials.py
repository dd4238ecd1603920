"""Who asks: the one API key of a request, from ``x-api-key`` or ``Authorization: Bearer``.

Cookies are never looked at, so a page of another origin can use this API with a key and with
nothing else.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from domain.access import ROLE_OF_THE_DEPARTED, access
from domain.errors import Forbidden, InvalidInput, Unauthenticated
from domain.networks import holds, read_address
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
        raise ambiguous_credentials()
    return found.pop() if found else None


def ambiguous_credentials() -> InvalidInput:
    """The refusal of a request with two keys."""
    return InvalidInput(
        "ambiguous_credentials",
        "The request holds two different keys.",
        fix="Send one key, in one header.",
    )


def key_missing() -> Unauthenticated:
    """The refusal of a request without a key, where one is needed."""
    return Unauthenticated(
        "key_missing", "This endpoint needs an API key and the request has none.", fix=HOW_TO_SEND
    )


def require_address(key: "KeyRecord", address: str) -> None:
    """Raise Forbidden when the key does not work from that address."""
    if not holds(key.networks, read_address(address)):
        raise Forbidden(
            "ip_not_allowed",
            f"The key {key.prefix} does not work from {address or 'this address'}.",
            fix="Send the request from a network that the key allows, or add this one to its "
            "allowedCidrs.",
        )


def require_scope(key: "KeyRecord", scope: Scope) -> None:
    """Raise Forbidden, naming the scope, when the key may not do what it stands for.

    It says which of the two is in the way: the key itself, or what stands behind it.
    """
    if scope in key.scopes:
        return
    detail, fix = _lack_of(key, scope)
    raise Forbidden(
        "scope_missing",
        detail,
        fix=fix,
        allowed={"scopes": [str(scope)]},
        headers={"x-accepted-scopes": str(scope)},
    )


def _lack_of(key: "KeyRecord", scope: Scope) -> tuple[str, str]:
    """What a key lacks that may not do what a scope stands for, and how to mend it."""
    person = key.responsible
    if scope not in key.held:
        detail = f"The key {key.prefix} does not hold the scope {scope}."
        return detail, f"Use a key with the scope {scope}."
    holds = f"The key {key.prefix} holds the scope {scope}, but"
    if person is None or scope in access(key.held, person).scopes:
        return (
            f"{holds} belongs to a team, and that is about the whole organization.",
            f"Use a key of the whole organization with the scope {scope}.",
        )
    if person.has_left:
        limit = f"it may do what a {ROLE_OF_THE_DEPARTED} may"
        return (
            f"{holds} who answers for the key has left the organization: {limit}.",
            "Ask an owner or admin to adopt the key.",
        )
    return (
        f"{holds} who answers for it is {person.role} here today, which does not allow it.",
        f"Use a key of somebody whose role allows {scope}.",
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
