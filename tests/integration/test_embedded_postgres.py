"""Embedded Postgres as root: in a user namespace, as nobody, and from one to the other."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from packshot.embedded import identity, postgres
from packshot.embedded.layout import Layout
from packshot.embedded.problems import UnusableFolder
from packshot.embedded.process import running

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else")


@pytest.fixture(autouse=True)
def ask_again_who_postgres_runs_as() -> Iterator[None]:
    identity.postgres_identity.cache_clear()
    yield
    identity.postgres_identity.cache_clear()


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    made = Layout(tmp_path / "private to root")
    made.make()
    yield made
    made.leave()


def forbid_user_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError("not in this container")

    monkeypatch.setattr(identity, "enter_user_namespace", refuse)
    identity.postgres_identity.cache_clear()


def answer(layout: Layout) -> tuple[str, int]:
    """Start the cluster and return what it answers to a query, and the uid of its process."""
    postgres.initialize(layout, is_durable=False)
    service = postgres.service(layout, is_durable=False)
    with running(service, log=layout.log / "postgres.log") as pid:
        url = layout.database_url("postgres", "postgres")
        asked = [postgres.binaries() / "psql", "-XAtc", "SELECT 6 * 7", url]
        got = subprocess.run(asked, capture_output=True, text=True, check=True)
        return got.stdout.strip(), Path(f"/proc/{pid}").stat().st_uid


def test_where_user_namespaces_are_forbidden_it_runs_as_nobody(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    forbid_user_namespaces(monkeypatch)

    assert answer(layout) == ("42", min(identity.roots_own() - {0}))


def test_a_cluster_moves_between_machines_with_and_without_user_namespaces(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    if identity.postgres_identity() is not identity.enter_user_namespace:
        pytest.skip("this machine has no user namespaces for root")
    assert answer(layout) == ("42", 0)

    with monkeypatch.context() as elsewhere:
        forbid_user_namespaces(elsewhere)
        assert answer(layout)[0] == "42"
    identity.postgres_identity.cache_clear()

    assert answer(layout) == ("42", 0)


def test_another_users_cluster_is_refused_and_left_as_it_is(layout: Layout):
    postgres.initialize(layout, is_durable=False)
    os.chown(layout.postgres, 12345, 12345)

    with pytest.raises(UnusableFolder, match="belongs to user 12345"):
        postgres.service(layout)

    assert layout.postgres.stat().st_uid == 12345


def test_a_machine_that_allows_neither_is_said(monkeypatch: pytest.MonkeyPatch):
    forbid_user_namespaces(monkeypatch)
    monkeypatch.setattr(identity, "become_nobody", identity.enter_user_namespace)

    with pytest.raises(identity.NoIdentity, match="Run as a normal user"):
        identity.postgres_identity()
