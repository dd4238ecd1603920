"""The secrets of an installation, made once before anything else; no default one is in code."""

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.webhook_secret import PREFIX as WEBHOOK_SECRET_PREFIX
from packshot.embedded.layout import Layout
from packshot.embedded.problems import MissingSecrets, UnusableFolder

NAMES = ("pepper-1", "log-signing-key", "key-encryption-key", "session-key")
PEPPER_PREFIX = "pepper-"
PUBLIC_KEY = "log-signing-key.pub"
DEMO_SHOP_SECRET = "demo-shop-secret"  # noqa: S105 - a file's name
SECRET_BYTES = 32  # hex in the file; of the signing key it is the Ed25519 seed (RFC 8032)


def ensure(layout: Layout) -> None:
    """Make every secret that is missing, mode 0600 in a folder of mode 0700.

    Raises MissingSecrets when there is a database already: a fresh pepper would refuse every key
    that was ever issued, and a fresh signing key would disown the log.
    """
    missing = _missing(layout.secrets)
    if missing and (layout.postgres / "PG_VERSION").exists():
        raise MissingSecrets(
            f"{layout.secrets} lacks {', '.join(missing)}, but {layout.postgres} holds a database "
            "that was made with them. Restore the files from a backup."
        )
    _make(layout.secrets, missing)


def ensure_demo_shop(layout: Layout) -> None:
    """Make the secret of the demo shop where there is none, also in a folder of an older release.

    A new one disowns nothing: connections to the demo shop keep no copy of it.
    """
    path = layout.secrets / DEMO_SHOP_SECRET
    if not path.exists():
        key = secrets.token_bytes(SECRET_BYTES)
        _write_once(path, WEBHOOK_SECRET_PREFIX + base64.b64encode(key).decode())


def create(folder: Path) -> bool:
    """Make the secrets of processes apart in a folder and return whether any was made.

    Raises UnusableFolder for a folder that holds other things, whose mode would change, or that
    cannot be written to, and MissingSecrets where some of the secrets are there: what was made with
    the lost ones cannot be known here.
    """
    missing = _missing(folder)
    try:
        held = {path.name for path in folder.iterdir()} if folder.exists() else set()
        _refuse_unfit(folder, held, missing=missing)
        _make(folder, missing)
    except OSError as problem:
        raise UnusableFolder(
            f"No secrets can be made in {folder}: {problem.strerror}. Choose another folder."
        ) from problem
    return bool(missing)


def add_pepper(folder: Path) -> int:
    """Make another pepper, with which keys are kept from now on, and return its number.

    Keys from before stay with theirs until they are rotated. Raises MissingSecrets for a folder
    without the secrets of an installation, and UnusableFolder where nothing can be written.
    """
    missing = _missing(folder)
    if missing:
        raise MissingSecrets(f"{folder} lacks {', '.join(missing)}: these are no secrets of ours.")
    try:
        with _locked(folder):
            made = [path.name.removeprefix(PEPPER_PREFIX) for path in folder.glob("pepper-*")]
            number = max(int(name) for name in made if name.isdigit()) + 1
            _write_once(folder / f"{PEPPER_PREFIX}{number}", secrets.token_hex(SECRET_BYTES))
    except OSError as problem:
        raise UnusableFolder(f"No pepper can be made in {folder}: {problem.strerror}.") from problem
    return number


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep others from making a pepper of the same number."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _refuse_unfit(folder: Path, held: set[str], *, missing: list[str]) -> None:
    """Refuse a folder that is used for something else, and one that has lost secrets."""
    ours = {*NAMES, PUBLIC_KEY}
    if missing and held & ours:
        raise MissingSecrets(
            f"{folder} lacks {', '.join(missing)} but has others. Restore the files from a backup; "
            "where nothing was made with them yet, empty the folder and run this again."
        )
    if missing and held - {f"{name}.new" for name in ours}:
        raise UnusableFolder(f"{folder} holds other files. Name a folder that is for secrets only.")


def _missing(folder: Path) -> list[str]:
    return [name for name in NAMES if not (folder / name).exists()]


def _make(folder: Path, missing: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    for name in missing:
        _write_once(folder / name, secrets.token_hex(SECRET_BYTES))
    _write_public_key(folder)


def _write_public_key(folder: Path) -> None:
    """Derive the public half of the signing key, for whoever checks the log without us."""
    public = folder / PUBLIC_KEY
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
