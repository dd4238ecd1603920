"""The installation's secrets, read from files that only its user can open."""

import hmac
from dataclasses import dataclass, field
from pathlib import Path

PEPPER_PREFIX = "pepper-"
LOG_SIGNING_KEY = "log-signing-key"
KEY_ENCRYPTION_KEY = "key-encryption-key"
DEMO_SHOP_SECRET = "demo-shop-secret"  # noqa: S105 - a file's name
SECRET_BYTES = 32


class MissingSecret(Exception):
    """A secret's file is absent or does not hold 32 bytes in hex; the message names the file."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that every process of an installation shares; none is ever printed.

    ``peppers`` by their number, the highest makes new MACs; one that was made since is looked for
    in the ``folder``. ``log_signing_seed`` is the private half of the Ed25519 key that signs heads;
    ``key_encryption_key`` is what the secrets of organizations are derived from.
    ``demo_shop_secret`` is the ``whsec_`` text that requests to the demo shop are signed with; only
    `up` makes one.
    """

    peppers: dict[int, bytes] = field(repr=False)
    log_signing_seed: bytes = field(repr=False)
    key_encryption_key: bytes = field(repr=False)
    demo_shop_secret: str | None = field(default=None, repr=False)
    folder: Path | None = None

    @property
    def newest_pepper(self) -> int:
        """The number of the pepper that new keys are stored with."""
        return max(self.peppers)

    def pepper(self, number: int) -> bytes:
        """The pepper of that number, also one that another process has begun to use since.

        Raises MissingSecret.
        """
        if number not in self.peppers:
            if self.folder is None:
                raise MissingSecret(f"there is no pepper {number}")
            self.peppers[number] = _read_hex(self.folder / f"{PEPPER_PREFIX}{number}")
        return self.peppers[number]

    def mac(self, text: str) -> bytes:
        """What is kept of a new key's text: HMAC-SHA-256 with the newest pepper."""
        return hmac.digest(self.peppers[self.newest_pepper], text.encode(), "sha256")

    @classmethod
    def read(cls, folder: Path) -> "Secrets":
        """Read the secrets of a folder; raises MissingSecret."""
        peppers = {
            int(file.name.removeprefix(PEPPER_PREFIX)): _read_hex(file)
            for file in folder.glob(f"{PEPPER_PREFIX}*")
            if file.name.removeprefix(PEPPER_PREFIX).isdigit()
        }
        if not peppers:
            raise MissingSecret(
                f"{folder / PEPPER_PREFIX}1 is missing. `packshot secrets create {folder}` makes "
                "the secrets of a new installation; an older one needs its own, from a backup."
            )
        return cls(
            peppers,
            _read_hex(folder / LOG_SIGNING_KEY),
            _read_hex(folder / KEY_ENCRYPTION_KEY),
            _read_demo_shop_secret(folder / DEMO_SHOP_SECRET),
            folder,
        )


def _read_demo_shop_secret(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise MissingSecret(f"{file} cannot be read") from problem


def _read_hex(file: Path) -> bytes:
    try:
        secret = bytes.fromhex(file.read_text().strip())
    except (OSError, ValueError) as problem:
        raise MissingSecret(f"{file} cannot be read as hex") from problem
    if len(secret) != SECRET_BYTES:
        raise MissingSecret(f"{file} must hold {SECRET_BYTES} bytes in hex")
    return secret
