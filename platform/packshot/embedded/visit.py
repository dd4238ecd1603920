"""Which installation a command means: a data folder, beside `up` or alone, or the environment."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from packshot.embedded import postgres
from packshot.embedded.layout import Layout
from packshot.embedded.lock import held, is_held
from packshot.embedded.problems import NotRunning, UnusableFolder
from packshot.embedded.process import running


def external_address(environ: Mapping[str, str], name: str, *, data: Path | None) -> str | None:
    """Return the database address in the variable ``name``; None where a folder is named."""
    return None if data is not None else environ.get(name) or None


def without_password(database_url: str) -> str:
    """Return an address as it may be shown: database, host and user, never a password.

    What libpq would take from ``PG*`` variables is left out. Show it once it was connected to: a
    password that is not percent-encoded may otherwise be read as a host.
    """
    parts = urlsplit(database_url)
    login, _, place = parts.netloc.rpartition("@")
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    database = asked.get("dbname") or asked.get("database") or parts.path.lstrip("/")
    user = asked.get("user") or login.partition(":")[0]
    told = (("", database), (" at ", place or asked.get("host")), (" as ", user))
    return "".join(f"{word}{value}" for word, value in told if value)


def running_installation(data: Path) -> Layout:
    """Return the layout of a folder that `up` runs on; raises NotRunning."""
    layout = Layout.of(data)
    if not is_held(layout):
        start = f"./packshot up --data {shlex.quote(str(layout.root))}"
        raise NotRunning(
            f"Packshot does not run on {layout.root}. Start it with `{start}`, or name the folder "
            "of one that runs with --data DIR."
        )
    return layout


@contextmanager
def database_of(data: Path) -> Iterator[Layout]:
    """Yield the layout while its database runs: the one of `up`, else one started for this.

    Raises UnusableFolder where there is no database, AlreadyRunning or StartFailed.
    """
    layout = Layout.of(data)
    if not (layout.postgres / "PG_VERSION").exists():
        raise UnusableFolder(f"There is no database in {layout.root}; name its folder with --data.")
    if is_held(layout):
        yield layout
        return
    with held(layout) as lock:
        layout.make()
        server = postgres.service(layout, keep_open=(lock,))
        with running(server, log=layout.log / "postgres.log"):
            yield layout
        layout.leave()


@contextmanager
def owned_database(
    data: Path | None, *, environ: Mapping[str, str], default: Path
) -> Iterator[str]:
    """Yield the owner's address of the database that a command means.

    That of the folder ``data``, else of PACKSHOT_OWNER_DATABASE_URL, else of the folder
    ``default``. Raises what ``database_of`` does.
    """
    external = external_address(environ, "PACKSHOT_OWNER_DATABASE_URL", data=data)
    if external:
        yield external
        return
    with database_of(data or default) as layout:
        yield layout.owner_url
