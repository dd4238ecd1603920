"""The file of an organization's checkpoints: a line each, only ever added to, on the disk at once.

It is what a backup takes elsewhere, and what `packshot audit verify --witness` reads. A line that
was cut by a crash was never whole, and is taken away before the next one is added.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from packshot.store.checkpoints import Checkpoint
from packshot.store.export_lines import time_text
from packshot.store.head import LogHead, Signer

FOLDER = "checkpoints"
# A line that was added before a crash and not marked is among the newest.
TAIL_BYTES = 256 * 1024


def checkpoint_line(made: Checkpoint, signer: Signer) -> bytes:
    """The checkpoint as it is written and posted: the same bytes whenever it is."""
    told = {
        "orgId": str(made.org_id),
        "position": made.position,
        "hash": made.tip.hex(),
        "at": time_text(made.at),
        "head": str(LogHead(made.org_id, made.position, made.tip, signer)),
        "note": made.note,
    }
    return orjson.dumps(told) + b"\n"


def add_lines(file: Path, lines: Sequence[bytes]) -> None:
    """Add those lines that are not there yet; returns when they are on the disk.

    Raises OSError.
    """
    is_new = not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # another projector may write the same file
        size = os.fstat(descriptor).st_size
        begin = max(0, size - TAIL_BYTES)
        tail = os.pread(descriptor, size - begin, begin)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            os.ftruncate(descriptor, begin + whole)
        known = set(tail[:whole].splitlines(keepends=True))
        _write_all(descriptor, b"".join(line for line in lines if line not in known))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        _sync_folder(file.parent)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
