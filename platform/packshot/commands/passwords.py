"""Passwords: hashed with argon2id, two at a time, and never faster for an unknown person."""

import asyncio
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from domain.errors import InvalidInput

# NIST SP 800-63B-4, 3.1.1.2: at least 15 characters alone, 8 with a second factor; no other rule.
# We ask for 12: signing in is throttled, and a longer minimum makes people write it down.
LEAST_CHARACTERS = 12
MOST_CHARACTERS = 200
AT_ONCE = 2  # each takes 64 MiB, the library's default

_places = asyncio.Semaphore(AT_ONCE)


def require_password(password: str) -> None:
    """Raise InvalidInput for what is too short or too long to be a password; it is never told."""
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise InvalidInput(
            "invalid_parameter",
            f"A password has {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters.",
            param="password",
            fix="Use a few words that you remember, or let your browser make one.",
        )


async def hash_password(password: str) -> str:
    """The hash of a new password; raises InvalidInput as ``require_password`` does."""
    require_password(password)
    async with _places:
        return await asyncio.to_thread(_hasher().hash, _as_compared(password))


async def is_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is the one of that hash; without a hash it takes as long to say no."""
    async with _places:
        return await asyncio.to_thread(_verify, password, password_hash)


def _verify(password: str, password_hash: str | None) -> bool:
    nobodys = _nobodys_hash()  # made by whoever comes first, known or not
    if len(password) > MOST_CHARACTERS:
        password, password_hash = password[:MOST_CHARACTERS], None
    try:
        _hasher().verify(password_hash or nobodys, _as_compared(password))
    except (VerifyMismatchError, InvalidHashError):
        return False
    return password_hash is not None


def _as_compared(password: str) -> str:
    """The same text for what different keyboards send for the same letters (NIST 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("the password of nobody")
