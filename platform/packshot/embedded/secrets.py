"""The secrets of an installation, made on its first start; no default secret exists in code."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from packshot.embedded.layout import Layout
from packshot.embedded.problems import MissingSecrets

NAMES = ("pepper-1", "log-signing-key", "key-encryption-key", "session-key")
SECRET_BYTES = 32  # hex in the file; of the signing key it is the Ed25519 seed (RFC 8032)


def ensure(layout: Layout) -> None:
    """Make every secret that is missing, mode 0600 in a folder of mode 0700.

    Raises MissingSecrets when there is a database already: a fresh pepper would refuse every key
    that was ever issued, and a fresh signing key would disown the log.
    """
    layout.secrets.mkdir(exist_ok=True, mode=0o700)
    layout.secrets.chmod(0o700)
    missing = [name for name in NAMES if not (layout.secrets / name).exists()]
    if missing and (layout.postgres / "PG_VERSION").exists():
        raise MissingSecrets(
            f"{layout.secrets} lacks {', '.join(missing)}, but {layout.postgres} holds a database "
            "that was made with them. Restore the files from a backup."
        )
    for name in missing:
        _write_once(layout.secrets / name, secrets.token_hex(SECRET_BYTES))
    _write_public_key(layout.secrets)


def _write_public_key(folder: Path) -> None:
    """Derive the public half of the signing key, for whoever checks the log without us."""
    public = folder / "log-signing-key.pub"
    if public.exists():
        return
    seed = bytes.fromhex((folder / "log-signing-key").read_text())
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    _write_once(public, key.public_bytes_raw().hex())


def _write_once(path: Path, content: str) -> None:
    """Write a file whole or not at all, on the disk before anything is made with it."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode())
        file.flush()
        os.fsync(descriptor)
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
