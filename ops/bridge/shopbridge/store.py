"""The shop's memory: listings, pictures and publishes in one SQLite file that survives kill -9."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from shopbridge.pictures import picture_of
from shopbridge.wanted import SLOTS

FILE = "shop.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS content (
  sha256 TEXT PRIMARY KEY, media_type TEXT NOT NULL, width INTEGER NOT NULL,
  height INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS medium (
  remote_id TEXT PRIMARY KEY, sha256 TEXT NOT NULL REFERENCES content, alt TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS listing (
  sku TEXT PRIMARY KEY, title TEXT NOT NULL, url TEXT, updated_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shown (
  sku TEXT NOT NULL REFERENCES listing, place INTEGER NOT NULL, slot TEXT NOT NULL,
  remote_id TEXT NOT NULL REFERENCES medium, PRIMARY KEY (sku, place));
CREATE TABLE IF NOT EXISTS publish (
  publish_id TEXT PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE,
  webhook_id TEXT NOT NULL UNIQUE, body_sha256 TEXT NOT NULL,
  sku TEXT NOT NULL REFERENCES listing, answered TEXT NOT NULL, state TEXT NOT NULL,
  base_digest TEXT NOT NULL, ends_at REAL);
CREATE INDEX IF NOT EXISTS publish_pending ON publish (sku) WHERE ends_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS callback (
  webhook_id TEXT PRIMARY KEY, body BLOB NOT NULL, tries INTEGER NOT NULL, due_at REAL NOT NULL);
"""
ITEM = "SELECT sku, title, url, updated_at FROM listing"
IMAGE = (
    "SELECT remote_id, sha256, alt, media_type, width, height, length(data) AS bytes "
    "FROM medium JOIN content USING (sha256)"
)

Json = dict[str, Any]


class Store:
    """One shop. Its methods are called inside ``writing`` or ``reading``, by one thread at a time.

    What ``writing`` changes is on the disk when its block ends, or not done at all.
    """

    def __init__(self, folder: Path) -> None:
        """Open the shop of a folder, or make an empty one."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            folder / FILE, isolation_level=None, check_same_thread=False, timeout=10.0
        )
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(SCHEMA)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that may write; what is raised in it rolls it back."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One transaction that sees one state of the shop."""
        with self._transaction("BEGIN") as db:
            yield db

    def close(self) -> None:
        """Close the file; waits for a transaction that runs."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute(begin)
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def items(db: sqlite3.Connection, *, after: str, limit: int) -> list[Json]:
    """The listings behind a SKU, in their order, as the protocol's Items."""
    rows = db.execute(f"{ITEM} WHERE sku > ? ORDER BY sku LIMIT ?", (after, limit)).fetchall()
    return [_item(db, row) for row in rows]


def item(db: sqlite3.Connection, sku: str) -> Json | None:
    """One listing; None for an unknown SKU."""
    row = db.execute(f"{ITEM} WHERE sku = ?", (sku,)).fetchone()
    return None if row is None else _item(db, row)


def image(db: sqlite3.Connection, remote_id: str, slot: str) -> Json | None:
    """A medium as an image in a slot; None for an unknown one."""
    row = db.execute(f"{IMAGE} WHERE remote_id = ?", (remote_id,)).fetchone()
    return None if row is None else _image(row, slot)


def bytes_of(db: sqlite3.Connection, remote_id: str) -> tuple[str, bytes] | None:
    """Media type and bytes of a medium; None for an unknown one."""
    found = "SELECT media_type, data FROM medium JOIN content USING (sha256) WHERE remote_id = ?"
    row = db.execute(found, (remote_id,)).fetchone()
    return None if row is None else (row["media_type"], row["data"])


def content(db: sqlite3.Connection, sha256: str) -> Json | None:
    """Size and type of bytes that the shop has."""
    row = db.execute(
        "SELECT media_type, width, height, length(data) AS bytes FROM content WHERE sha256 = ?",
        (sha256,),
    ).fetchone()
    return None if row is None else dict(row)


def keep(db: sqlite3.Connection, data: bytes | None, *, sha256: str, alt: str) -> str:
    """Keep a picture for ever and return its id; bytes that are there are not stored again."""
    remote_id = remote_id_of(sha256, alt)
    picture = None if data is None else picture_of(data)
    if picture is not None:
        db.execute(
            "INSERT INTO content VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (sha256, picture.media_type, picture.width, picture.height, data),
        )
    db.execute(
        "INSERT INTO medium VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (remote_id, sha256, alt)
    )
    return remote_id


def show(db: sqlite3.Connection, sku: str, images: list[Json]) -> None:
    """Let a listing show these images, and say that it changed now."""
    db.execute("DELETE FROM shown WHERE sku = ?", (sku,))
    db.executemany(
        "INSERT INTO shown VALUES (?, ?, ?, ?)",
        [(sku, place, one["slot"], one["remoteId"]) for place, one in enumerate(images)],
    )
    db.execute("UPDATE listing SET updated_at = ? WHERE sku = ?", (now_text(), sku))


def swap(db: sqlite3.Connection, sku: str) -> bool:
    """Put the second image of a listing first, as a stranger would; False where there is none.

    A listing of one image gets another one of its own past, where it has a past.
    """
    found = item(db, sku)
    if found is None:
        return False
    shown = [one["remoteId"] for one in found["images"]]
    order = [*shown[1:], shown[0]] if len(shown) > 1 else _past(db, sku, but=shown[0])
    if not order:
        return False
    swapped = [{"slot": SLOTS[place], "remoteId": one} for place, one in enumerate(order)]
    show(db, sku, swapped)
    return True


def remote_id_of(sha256: str, alt: str) -> str:
    """The id of these bytes with this text."""
    return "img_" + hashlib.sha256(f"{sha256}\n{alt}".encode()).hexdigest()[:32]


def digest_of(images: list[Json]) -> str:
    """The digest of a list of images: slots, order and ids decide it, nothing else."""
    listed = [[one["slot"], one["remoteId"]] for one in images]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def now_text() -> str:
    """The time, as the protocol writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _past(db: sqlite3.Connection, sku: str, *, but: str) -> list[str]:
    states = db.execute("SELECT state FROM publish WHERE sku = ? ORDER BY rowid DESC", (sku,))
    for (state,) in states:
        for one in json.loads(state)["before"]:
            if one["remoteId"] != but:
                return [one["remoteId"]]
    return []


def _item(db: sqlite3.Connection, row: sqlite3.Row) -> Json:
    shown = f"SELECT shown.slot, i.* FROM shown JOIN ({IMAGE}) AS i USING (remote_id)"
    rows = db.execute(f"{shown} WHERE shown.sku = ? ORDER BY shown.place", (row["sku"],))
    images = [_image(one, one["slot"]) for one in rows]
    return {
        "sku": row["sku"],
        "title": row["title"],
        "url": row["url"] or f"/#{quote(row['sku'], safe='')}",  # the storefront
        "updatedAt": row["updated_at"],
        "digest": digest_of(images),
        "images": images,
    }


def _image(row: sqlite3.Row, slot: str) -> Json:
    return {
        "remoteId": row["remote_id"],
        "slot": slot,
        "url": f"/images/{row['remote_id']}",
        "width": row["width"],
        "height": row["height"],
        "bytes": row["bytes"],
        "sha256": row["sha256"],
        "alt": row["alt"],
    }
