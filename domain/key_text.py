"""The text of an API key: ``pshot_<live|test>_<kid><secret><checksum>`` read, made and checked.

kid is 8 characters of base62, secret 32, checksum 6 (CRC-32 of all before it). The shape follows
GitHub's tokens (https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/,
read 2026-11): a scanner recognises it and a typing error is found without asking a database.
The secret holds 190 bits.
"""

import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Self

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KID_LENGTH = 8
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6
SHAPE = re.compile(
    rf"pshot_(live|test)_([0-9A-Za-z]{{{KID_LENGTH}}})_"
    rf"([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as its owner holds it; ``text`` is the secret whole."""

    text: str
    environment: str
    kid: str

    @classmethod
    def make(cls, environment: str) -> Self:
        """Make a new key from the system's randomness."""
        kid = "".join(secrets.choice(BASE62) for _ in range(KID_LENGTH))
        secret = "".join(secrets.choice(BASE62) for _ in range(SECRET_LENGTH))
        body = f"pshot_{environment}_{kid}_{secret}"
        return cls(body + checksum(body), environment, kid)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key; raises ValueError when its shape or its checksum is wrong."""
        match = SHAPE.fullmatch(text)
        if match is None or checksum(text[:-CHECKSUM_LENGTH]) != match[4]:
            raise ValueError("not the text of a key")
        return cls(text, match[1], match[2])

    @property
    def prefix(self) -> str:
        """What may be shown of the key."""
        return prefix_of(self.environment, self.kid)

    def __repr__(self) -> str:
        return f"KeyText({self.prefix}…)"


def prefix_of(environment: str, kid: str) -> str:
    """What may be shown of the key with that kid."""
    return f"pshot_{environment}_{kid}"


def without_keys(text: str | None) -> str | None:
    """The text with every key in it cut down to what may be shown."""
    if text is None:
        return None
    return SHAPE.sub(lambda found: prefix_of(found[1], found[2]) + "_…", text)


def checksum(body: str) -> str:
    """CRC-32 of the ASCII text, as six base62 digits, the highest first."""
    number = zlib.crc32(body.encode("ascii"))
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(BASE62))
        digits = BASE62[digit] + digits
    return digits
