"""Using a data folder from a second command: beside a running `up`, or for a moment alone."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packshot.embedded import postgres
from packshot.embedded.layout import Layout
from packshot.embedded.lock import held, is_held
from packshot.embedded.problems import NotRunning, UnusableFolder
from packshot.embedded.process import running


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
