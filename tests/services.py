"""Postgres and Valkey for tests: one of each per test process, one fresh database per test.

``PACKSHOT_TEST_DATABASE_URL`` (a superuser's) and ``PACKSHOT_TEST_REDIS_URL`` use servers that
run already; without them the embedded ones are started in a temporary folder.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg

from packshot.embedded import postgres, valkey
from packshot.embedded.layout import Layout
from packshot.embedded.process import running
from packshot.store.migrate import migrate


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of one test, by the roles that use it."""

    name: str
    owner_url: str
    app_url: str
    writer_url: str
    projector_url: str


@dataclass(slots=True)
class RunningServices:
    """The servers of one test process."""

    admin_url: str
    redis_url: str
    _numbers: Iterator[int] = field(default_factory=count)
    _template: str | None = None

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Yield a fresh database with every migration applied, and drop it afterwards."""
        if self._template is None:
            self._template = await self._make_template()
        name = self._new_name()
        # FILE_COPY took 20 ms where the default took 30 (a template of 8 MB, fsync off).
        await self._as_admin(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY FILE_COPY")
        try:
            yield self._addresses(name)
        finally:
            await self._as_admin(f"DROP DATABASE {name} WITH (FORCE)")

    @asynccontextmanager
    async def empty_database(self) -> AsyncIterator[Database]:
        """Yield a database with nothing in it, for tests of the migrations themselves."""
        name = self._new_name()
        await self._as_admin(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield self._addresses(name)
        finally:
            await self._as_admin(f"DROP DATABASE {name} WITH (FORCE)")

    async def _make_template(self) -> str:
        name = self._new_name()
        await self._as_admin(f"CREATE DATABASE {name} TEMPLATE template0")
        await migrate(self._addresses(name).owner_url)
        return name

    def _new_name(self) -> str:
        return f"packshot_test_{os.getpid()}_{next(self._numbers)}"

    def _addresses(self, name: str) -> Database:
        return Database(
            name=name,
            owner_url=_address(self.admin_url, name, None),
            app_url=_address(self.admin_url, name, "packshot_app"),
            writer_url=_address(self.admin_url, name, "packshot_writer"),
            projector_url=_address(self.admin_url, name, "packshot_projector"),
        )

    async def _as_admin(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def running_services(*, is_durable: bool = False) -> Iterator[RunningServices]:
    """Run Postgres and Valkey for the length of a block; a session fixture wraps this.

    ``is_durable`` keeps fsync on, as `packshot up` does: benchmarks of the store want that.
    """
    database_url = os.environ.get("PACKSHOT_TEST_DATABASE_URL")
    redis_url = os.environ.get("PACKSHOT_TEST_REDIS_URL")
    if database_url and redis_url:
        yield RunningServices(database_url, redis_url)
        return
    folder = Path(tempfile.mkdtemp(prefix="packshot-test-"))
    try:
        with ExitStack() as stack:
            layout = Layout.of(folder)
            layout.make()
            postgres.initialize(layout, is_durable=is_durable)
            server = postgres.service(layout, is_durable=is_durable)
            stack.enter_context(running(server, log=layout.log / "postgres.log"))
            stack.enter_context(running(valkey.service(layout), log=layout.log / "valkey.log"))
            yield RunningServices(layout.database_url("postgres", "postgres"), layout.redis_url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _address(admin_url: str, database: str, role: str | None) -> str:
    """Return the address of another database, logged in as another role where one is given."""
    parts = urlsplit(admin_url)
    query = dict(parse_qsl(parts.query))
    if role is not None:
        query["user"] = role
    return f"postgresql://{parts.netloc}/{database}?{urlencode(query, quote_via=quote, safe='')}"
