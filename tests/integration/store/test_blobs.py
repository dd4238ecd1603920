"""Bytes under their hash, in their organization's folder, safe when the store says so."""

import hashlib
from pathlib import Path

import pytest

from domain.ids import OrgId
from packshot.store import blobs as blobs_module
from packshot.store.blobs import Blobs

ORG = OrgId.new()
CONTENT = b"a picture"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


def spooled(blobs: Blobs) -> Path:
    file = blobs.temporary("output")
    file.write_bytes(CONTENT)
    return file


async def test_a_kept_file_lies_under_its_hash_and_has_left_the_spool(blobs: Blobs) -> None:
    file = spooled(blobs)

    await blobs.keep(ORG, file, sha256=SHA256)

    assert blobs.path(ORG, SHA256).read_bytes() == CONTENT
    assert not file.exists()
    assert not blobs.holds(OrgId.new(), SHA256)


async def test_the_same_bytes_again_are_kept_once(blobs: Blobs) -> None:
    await blobs.keep(ORG, spooled(blobs), sha256=SHA256)
    first = blobs.path(ORG, SHA256).stat().st_ino

    await blobs.keep(ORG, spooled(blobs), sha256=SHA256)

    assert blobs.path(ORG, SHA256).stat().st_ino == first
    assert list(blobs.spool.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../" * 21 + "x", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_a_name_that_is_no_hash_names_nothing(blobs: Blobs, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        blobs.path(ORG, name)


async def test_the_bytes_and_every_new_name_are_flushed_before_the_store_says_kept(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    flush = blobs_module._flush

    def note(path: Path) -> None:
        flushed.append(path)
        flush(path)

    monkeypatch.setattr(blobs_module, "_flush", note)
    file = spooled(blobs)

    await blobs.keep(ORG, file, sha256=SHA256)

    folder = blobs.path(ORG, SHA256).parent
    assert flushed == [blobs.root, folder.parent, file, folder]


async def test_nobody_else_on_the_machine_reads_what_is_kept(blobs: Blobs) -> None:
    await blobs.keep(ORG, spooled(blobs), sha256=SHA256)

    folder = blobs.path(ORG, SHA256).parent
    modes = {path.stat().st_mode & 0o777 for path in (folder, folder.parent, blobs.root)}
    assert modes == {0o700}
