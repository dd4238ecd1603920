"""Passwords: hashed with argon2id, two at a time, and never faster for an unknown person."""

import asyncio
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


async def hash_password(password: str) -> str:
    """The hash of a new password; raises InvalidInput for one that is too short or too long."""
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise InvalidInput(
            "invalid_parameter",
            f"A password has {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters.",
            param="password",
            fix="Use a few words that you remember, or let your browser make one.",
        )
    async with _places:
        return await asyncio.to_thread(_hasher().hash, password)


async def is_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is the one of that hash; without a hash it takes as long to say no."""
    async with _places:
        return await asyncio.to_thread(_verify, password[:MOST_CHARACTERS], password_hash)


def _verify(password: str, password_hash: str | None) -> bool:
    try:
        _hasher().verify(password_hash or _nobodys_hash(), password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("the password of nobody")
