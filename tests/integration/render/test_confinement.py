"""What a child that a hostile picture has taken over finds: as little as can be."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from packshot.render.pool import RenderPool

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")

TRY_A_NAMESPACE = """
import ctypes, sys
sys.exit(ctypes.CDLL(None).unshare(0x10000000 | 0x40000000) != 0)
"""


@pytest.fixture
async def about(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """The /proc folder of a child whose parent holds a secret and an inheritable file."""
    monkeypatch.setenv("PACKSHOT_DATABASE_URL", "postgresql://canary")
    descriptor = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    pool = RenderPool(1)
    await pool.start()
    (child,) = pool.children
    yield Path(f"/proc/{child.process.pid}")
    await pool.stop()
    os.close(descriptor)


async def test_a_child_knows_no_secret(about: Path) -> None:
    assert b"canary" not in (about / "environ").read_bytes()


async def test_a_child_has_limits(about: Path) -> None:
    limits = {
        line[:26].strip(): line[26:].split()[0]
        for line in (about / "limits").read_text().splitlines()[1:]
    }

    for name in ("Max address space", "Max file size", "Max open files", "Max core file size"):
        assert limits[name].isdigit(), name
    assert limits["Max core file size"] == "0"


async def test_a_child_holds_nothing_but_its_pipes(about: Path) -> None:
    held = {str(link.readlink()) for link in (about / "fd").iterdir()}

    assert "/etc/hostname" not in held
    assert not [name for name in held if name.startswith("socket:")]


async def test_a_child_can_gain_no_privilege(about: Path) -> None:
    assert "NoNewPrivs:\t1" in (about / "status").read_text()


async def test_a_child_has_no_network_where_the_system_allows_that(about: Path) -> None:
    if not system_allows_namespaces():
        pytest.skip("this system allows no user namespaces")

    assert (about / "ns" / "net").readlink() != Path("/proc/self/ns/net").readlink()


def system_allows_namespaces() -> bool:
    """Whether this user may make namespaces here, tried in a process of its own."""
    return subprocess.run([sys.executable, "-c", TRY_A_NAMESPACE], check=False).returncode == 0
