"""The blob store: bytes under their hash, each organization in a folder of its own."""

import asyncio
import os
import re
from pathlib import Path
from uuid import uuid4

from domain.ids import OrgId

SHA256 = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A local folder of blobs; ``blobs/<organization>/<first two digits>/<sha256>``.

    ``spool`` lies on the same file system, so that a finished file moves in without a copy.
    """

    def __init__(self, storage_dir: Path) -> None:
        self.root = storage_dir / "blobs"
        self.spool = storage_dir / "spool"
        for folder in (self.root, self.spool):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, org_id: OrgId, sha256: str) -> Path:
        """Where the blob of that hash lies, or would lie; raises ValueError for any other name."""
        if not SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256 in hex")
        return self.root / str(org_id) / sha256[:2] / sha256

    def holds(self, org_id: OrgId, sha256: str) -> bool:
        """Whether the organization has that blob."""
        return self.path(org_id, sha256).is_file()

    def temporary(self, suffix: str) -> Path:
        """A path in the spool that nobody else uses; it is swept if nobody removes it."""
        return self.spool / f"{uuid4().hex}.{suffix}.part"

    def borrow(self, file: Path) -> Path:
        """A second name in the spool for a file of this file system, without a copy."""
        own = self.temporary("source")
        own.hardlink_to(file)
        return own

    def discard(self, temporary: Path) -> None:
        """Remove a file of the spool, if it is still there."""
        temporary.unlink(missing_ok=True)

    async def keep(self, org_id: OrgId, file: Path, *, sha256: str) -> None:
        """Move a file of the spool into the store; when this returns it survives a power cut."""
        await asyncio.to_thread(self._keep, org_id, file, sha256)

    def _keep(self, org_id: OrgId, file: Path, sha256: str) -> None:
        target = self.path(org_id, sha256)
        if target.is_file():
            file.unlink(missing_ok=True)
        else:
            self._make_folders(target.parent)
            _flush(file)
            file.replace(target)
        _flush(target.parent)  # also of a blob that somebody else moved in at this moment

    def _make_folders(self, folder: Path) -> None:
        """Make the two folders of a blob; a new name is safe once its parent is flushed."""
        for made in (folder.parent, folder):
            if not made.is_dir():
                made.mkdir(exist_ok=True, mode=0o700)
                _flush(made.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
