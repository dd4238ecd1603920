"""What waits on a page until its person has proved who they are: sealed for their session.

An act may hold credentials of a shop. They travel to the page that asks and back, and stand in
neither of the two: only this session opens the seal, for this one address.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from secrets import token_bytes

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import InvalidInput

NONCE_BYTES = 12


def sealed(values: Mapping[str, object], session_token: str, *, act: str) -> bytes:
    """The fields of an act, which is named as ``POST /keys``, for this session alone."""
    nonce = token_bytes(NONCE_BYTES)
    cipher = AESGCM(_key(session_token))
    return nonce + cipher.encrypt(nonce, orjson.dumps(dict(values)), act.encode())


def opened(seal: bytes, session_token: str, *, act: str) -> dict[str, object]:
    """The fields as they were; raises InvalidInput for what this session did not seal for it."""
    nonce, text = seal[:NONCE_BYTES], seal[NONCE_BYTES:]
    try:
        fields = AESGCM(_key(session_token)).decrypt(nonce, text, act.encode())
    except (InvalidTag, ValueError):
        raise _broken() from None
    values: dict[str, object] = orjson.loads(fields)
    return values


def as_text(seal: bytes) -> str:
    """The seal as a field of a form."""
    return urlsafe_b64encode(seal).decode()


def of_text(text: str) -> bytes:
    """The seal of a field; raises InvalidInput."""
    try:
        return urlsafe_b64decode(text.encode("ascii"))
    except ValueError:
        raise _broken() from None


def _key(session_token: str) -> bytes:
    return hmac.digest(session_token.encode(), b"an act that waits for a proof", "sha256")


def _broken() -> InvalidInput:
    return InvalidInput(
        "malformed_request",
        "What was to be done can no longer be read: you signed in anew meanwhile.",
        fix="Go back to the page and do it again.",
    )
