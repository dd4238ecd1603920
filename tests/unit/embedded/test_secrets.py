"""The secrets of a first start."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from packshot.embedded import secrets
from packshot.embedded.layout import Layout
from packshot.embedded.problems import MissingSecrets, UnusableFolder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    secrets.ensure(made)
    return made


def test_a_second_start_keeps_every_secret(layout: Layout):
    before = {path.name: path.read_bytes() for path in layout.secrets.iterdir()}

    secrets.ensure(layout)

    assert {path.name: path.read_bytes() for path in layout.secrets.iterdir()} == before


def test_no_two_secrets_are_alike(layout: Layout):
    assert len({path.read_text() for path in layout.secrets.iterdir()}) == 5


def test_the_public_key_belongs_to_the_signing_key(layout: Layout):
    seed = bytes.fromhex((layout.secrets / "log-signing-key").read_text())

    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()

    assert (layout.secrets / "log-signing-key.pub").read_text() == public.hex()


def test_a_lost_public_key_is_derived_again(layout: Layout):
    public = layout.secrets / "log-signing-key.pub"
    before = public.read_text()
    public.unlink()

    secrets.ensure(layout)

    assert public.read_text() == before


def test_a_lost_pepper_beside_a_database_is_refused(layout: Layout):
    layout.postgres.mkdir()
    (layout.postgres / "PG_VERSION").write_text("18\n")
    (layout.secrets / "pepper-1").unlink()

    with pytest.raises(MissingSecrets, match="backup"):
        secrets.ensure(layout)


def test_what_an_interrupted_write_left_is_not_taken_for_a_secret(tmp_path: Path):
    layout = Layout(tmp_path)
    layout.secrets.mkdir()
    (layout.secrets / "pepper-1.new").write_text("half")

    secrets.ensure(layout)

    assert len((layout.secrets / "pepper-1").read_text()) == 64


def test_secrets_of_processes_apart_are_for_their_user_only(tmp_path: Path):
    folder = tmp_path / "srv" / "secrets"

    assert secrets.create(folder)

    assert {path.name for path in folder.iterdir()} == {*secrets.NAMES, "log-signing-key.pub"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_secrets_that_are_there_are_kept(layout: Layout):
    before = {path.name: path.read_bytes() for path in layout.secrets.iterdir()}

    assert not secrets.create(layout.secrets)

    assert {path.name: path.read_bytes() for path in layout.secrets.iterdir()} == before


@pytest.mark.parametrize("lost", secrets.NAMES)
def test_a_lost_secret_is_not_made_anew_beside_the_others(layout: Layout, lost: str):
    (layout.secrets / lost).unlink()

    with pytest.raises(MissingSecrets, match=lost):
        secrets.create(layout.secrets)

    assert not (layout.secrets / lost).exists()


def test_a_folder_of_other_things_keeps_its_mode(tmp_path: Path):
    (tmp_path / "photo.jpg").touch()
    tmp_path.chmod(0o755)

    with pytest.raises(UnusableFolder, match="other files"):
        secrets.create(tmp_path)

    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_place_where_no_folder_can_be_is_said(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(UnusableFolder, match="Not a directory"):
        secrets.create(tmp_path / "file" / "secrets")


def test_another_pepper_leaves_what_is_there_and_gets_the_next_number(layout: Layout):
    before = {path.name: path.read_bytes() for path in layout.secrets.iterdir()}

    assert [secrets.add_pepper(layout.secrets) for _ in range(2)] == [2, 3]

    after = {path.name: path.read_bytes() for path in layout.secrets.iterdir()}
    assert after.items() >= before.items()
    assert after.keys() - before.keys() == {"pepper-2", "pepper-3"}
    assert len({after[f"pepper-{number}"] for number in (1, 2, 3)}) == 3
    assert (layout.secrets / "pepper-2").stat().st_mode & 0o777 == 0o600
    secrets.ensure(layout)
    assert secrets.create(layout.secrets) is False


def test_no_pepper_is_made_where_there_are_no_secrets(tmp_path: Path):
    with pytest.raises(MissingSecrets):
        secrets.add_pepper(tmp_path)
    with pytest.raises(MissingSecrets):
        secrets.add_pepper(tmp_path / "nowhere")


def test_peppers_made_at_once_have_numbers_of_their_own(layout: Layout):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(secrets.add_pepper, [layout.secrets] * 8))

    assert sorted(made) == list(range(2, 10))
