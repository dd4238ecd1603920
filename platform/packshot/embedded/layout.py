"""Where everything of one installation lies: the folders of DIR, its sockets and its addresses."""

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from packshot.embedded.problems import UnusableFolder

SOCKET_PATH_MAX_BYTES = 100  # sun_path holds 104 bytes on macOS, 108 on Linux (unix(7))
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"
DATABASE = "packshot"
WITNESS = "witness.jsonl"  # in the data folder: the heads of what commands wrote


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one data folder."""

    root: Path

    @classmethod
    def of(cls, root: Path) -> "Layout":
        """Return the layout of a data folder, made absolute."""
        return cls(root.absolute())

    @property
    def postgres(self) -> Path:
        """The database cluster."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's append-only file."""
        return self.root / "valkey"

    @property
    def secrets(self) -> Path:
        """Pepper and keys, readable by the owner only."""
        return self.root / "secrets"

    @property
    def blobs(self) -> Path:
        """Finished pictures by the hash of their content."""
        return self.root / "blobs"

    @property
    def spool(self) -> Path:
        """Uploads while they arrive."""
        return self.root / "spool"

    @property
    def log(self) -> Path:
        """The logs of Postgres and Valkey."""
        return self.root / "log"

    @property
    def demo_shop(self) -> Path:
        """The demo shop: its listings and its pictures."""
        return self.root / "demo-shop"

    @property
    def lock(self) -> Path:
        """The file that one running installation holds."""
        return self.root / "lock"

    @property
    def address(self) -> Path:
        """The file that says where the pages of the running installation are."""
        return self.root / "address"

    @property
    def sockets(self) -> Path:
        """The folder of the two sockets.

        In the data folder where the system's limit on socket paths allows it, else a folder
        under /tmp whose name follows from the data folder. Not under $TMPDIR: a second command
        with another environment must find it again.
        """
        inside = self.root / "run"
        if len(os.fsencode(inside / POSTGRES_SOCKET)) <= SOCKET_PATH_MAX_BYTES:
            return inside
        shared = Path("/tmp")  # noqa: S108 - the folder in it is private and checked below
        digest = hashlib.sha256(os.fsencode(self.root.resolve())).hexdigest()[:16]
        parent = shared if shared.is_dir() else Path(tempfile.gettempdir())
        return parent / f"packshot-{os.geteuid()}-{digest}"

    @property
    def valkey_socket(self) -> Path:
        """Valkey's socket."""
        return self.sockets / VALKEY_SOCKET

    @property
    def redis_url(self) -> str:
        """The address of Valkey, for redis-py; database 0."""
        return f"unix://{quote(str(self.valkey_socket))}"

    def database_url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of a database, logged in as ``role``, for asyncpg and psql."""
        host = quote(str(self.sockets), safe="")
        return f"postgresql:///{database}?host={host}&port=5432&user={role}"

    @property
    def owner_url(self) -> str:
        """The address of the database as the superuser, who owns the schema."""
        return self.database_url("postgres")

    @property
    def settings(self) -> dict[str, str]:
        """The ``PACKSHOT_*`` environment of a process that works on this data."""
        told = self.address.read_text() if self.address.exists() else ""
        return {
            **({"PACKSHOT_PUBLIC_URL": told} if told else {}),
            # Only this machine reaches what `up` serves; an operator may say otherwise.
            "PACKSHOT_PUBLIC_API": os.environ.get("PACKSHOT_PUBLIC_API") or "on",
            "PACKSHOT_DATABASE_URL": self.database_url("packshot_app"),
            "PACKSHOT_WRITER_DATABASE_URL": self.database_url("packshot_writer"),
            "PACKSHOT_PROJECTOR_DATABASE_URL": self.database_url("packshot_projector"),
            "PACKSHOT_REDIS_URL": self.redis_url,
            "PACKSHOT_STORAGE_DIR": str(self.root),
            "PACKSHOT_SECRETS_DIR": str(self.secrets),
        }

    def make_root(self) -> None:
        """Make the data folder, private to this user; raises UnusableFolder."""
        _make_private(self.root)
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise UnusableFolder(
                f"{self.root} cannot be written to by user {os.geteuid()}. Run as its owner, "
                "or choose another folder with --data DIR."
            )

    def make(self) -> None:
        """Make every folder; raises UnusableFolder. Hold the lock, unless the folder is yours."""
        self.make_root()
        for folder in (self.valkey, self.blobs, self.spool, self.log, self.sockets):
            _make_private(folder)
        check_private(self.sockets)

    def leave(self) -> None:
        """Remove the socket folder where it lies outside, once its servers are gone."""
        if self.sockets.parent != self.root:
            with contextlib.suppress(OSError):  # not empty: a server of a kill -9
                for started in self.sockets.glob("*.started"):
                    started.unlink()
                self.sockets.rmdir()


def check_private(folder: Path) -> None:
    """Refuse a folder that someone else could have put there; raises UnusableFolder."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise UnusableFolder(
            f"{folder} is not a folder that only user {os.geteuid()} can open. Remove it and "
            "start again; the sockets of the database are to lie there."
        )


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise UnusableFolder(
            f"{folder} cannot be made: {problem.strerror}. "
            "Choose a folder that you may write to with --data DIR."
        ) from problem
