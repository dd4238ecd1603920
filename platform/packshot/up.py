"""`packshot up`: the main job on embedded Postgres and Valkey, supervised in one terminal."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from domain.ids import OrgId
from packshot.config import Settings
from packshot.embedded import demo_shop, postgres, secrets, valkey
from packshot.embedded import port as listening
from packshot.embedded.child import Child
from packshot.embedded.layout import DATABASE, WITNESS, Layout
from packshot.embedded.lock import held
from packshot.embedded.process import Service
from packshot.embedded.readyfile import ReadyFile
from packshot.embedded.terminal import banner, say
from packshot.signals import STARTED_FILE, has_started
from packshot.store.migrate import migrate

API_GRACE_S = 35.0  # its own drain takes up to 30, a worker's 25
OTHER_PROCESSES = ("worker", "relay", "projector")
FIRST_ORGANIZATION = "Demo"
DEMO_SHOP_URL = "PACKSHOT_DEMO_SHOP_URL"
PID_NAMES = {demo_shop.NAME: "demoShop"}  # in the ready file names are as JSON has them


def up(data: Path, *, port: int, ready_file: Path | None) -> int:
    """Run until SIGINT or SIGTERM and return the exit code.

    Raises UnusableFolder, AlreadyRunning, PortUnusable, MissingSecrets, NoIdentity or StartFailed
    where it cannot start; their messages are for the terminal.
    """
    # Until everything is started, both signals end it as a Ctrl-C does: nothing runs yet.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        layout = Layout.of(data)
        lock = stack.enter_context(held(layout))
        layout.make()
        stack.callback(layout.leave)
        listening.check_free(port)
        ready = ReadyFile(ready_file, f"http://localhost:{port}", layout)
        ready.clear()
        layout.address.write_text(os.environ.get("PACKSHOT_PUBLIC_URL") or ready.base_url)
        secrets.ensure(layout)
        secrets.ensure_demo_shop(layout)
        shop = stack.enter_context(demo_shop.listening())
        ready.demo_shop_url = demo_shop.url_of(shop)
        if postgres.initialize(layout, keep_open=(lock,)):
            say("up", f"made a database in {layout.root}")
        return asyncio.run(Installation(layout, ready, port=port, lock=lock, shop=shop).run())
    return 0


class Installation:
    """The running children of one data folder, started and stopped in their order."""

    def __init__(
        self, layout: Layout, ready: ReadyFile, *, port: int, lock: int, shop: socket.socket
    ) -> None:
        self.layout = layout
        self.ready = ready
        self.postgres = Child(
            postgres.service(layout, keep_open=(lock,)), say, log=layout.log / "postgres.log"
        )
        self.valkey = Child(
            valkey.service(layout, keep_open=(lock,)), say, log=layout.log / "valkey.log"
        )
        self.demo_shop = Child(demo_shop.service(layout, shop, keep_open=(lock,)), say)
        shop_url = demo_shop.url_of(shop)
        self.processes = (
            Child(_api(layout, port=port, lock=lock, shop_url=shop_url), say),
            *(
                Child(_process(name, layout, lock=lock, shop_url=shop_url), say)
                for name in OTHER_PROCESSES
            ),
        )

    @property
    def children(self) -> tuple[Child, ...]:
        """Every child."""
        return (*self.processes, self.demo_shop, self.valkey, self.postgres)

    async def run(self) -> int:
        """Start, keep every child alive until a signal, then drain; returns the exit code."""
        stopping = self._stop_on_signals()
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(stopping.wait())]
        try:
            tasks.append(asyncio.create_task(self._start()))
            await _first_of(tasks)
            if not stopping.is_set():
                tasks.extend(
                    asyncio.create_task(child.keep(self._write_ready)) for child in self.children
                )
                await _first_of([tasks[0], *tasks[2:]])
        finally:
            await self._stop(tasks)
        return 0

    async def _start(self) -> None:
        """Start everything in order and say that it is ready."""
        await self.postgres.start()
        await self.valkey.start()
        await _prepare_database(self.layout)
        self.ready.org_id = await _first_organization(self.layout)
        if self.ready.org_id is None:
            await self._found_organization()
        await asyncio.gather(*(process.start() for process in self.processes))
        await self.demo_shop.start()  # last: the first time it draws for some seconds
        self._write_ready()
        banner(
            self.ready.base_url,
            data=self.layout.root,
            org_id=self.ready.org_id,
            api_key=self.ready.api_key,
            setup_url=self.ready.setup_url,
            demo_shop_url=self.ready.demo_shop_url,
        )

    async def _found_organization(self) -> None:
        # Only a first start needs the commands; importing them takes 0.3 s of every start.
        from packshot.store.witness import keeping_heads  # noqa: PLC0415
        from packshot.wiring import open_services  # noqa: PLC0415

        witness = self.layout.root / WITNESS
        async with open_services(Settings.read(self.layout.settings), render=False) as services:
            with keeping_heads(services.store, witness, clock=lambda: datetime.now(UTC)):
                made = await services.organizations.create(
                    FIRST_ORGANIZATION, actor_id="packshot up"
                )
            self.ready.setup_url = f"{services.settings.public_url}/join/{made.link_secret}"
        self.ready.org_id, self.ready.api_key = str(made.org_id), made.secret

    def _write_ready(self) -> None:
        self.ready.write(
            {
                PID_NAMES.get(child.service.name, child.service.name): child.pid
                for child in self.children
            }
        )

    async def _stop(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Drain the processes, then Valkey and the demo shop, then Postgres.

        Each outlives those that write to it.
        """
        say("up", "stopping (Ctrl-C again to force)")
        for child in self.children:
            child.forbid_restart()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in self.processes))
        await asyncio.gather(self.demo_shop.stop(), self.valkey.stop())
        await self.postgres.stop()
        say("up", "stopped")

    def _stop_on_signals(self) -> asyncio.Event:
        stopping = asyncio.Event()

        def on_signal() -> None:
            if stopping.is_set():
                for child in self.children:
                    child.kill()
            stopping.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        return stopping


async def _first_of(tasks: list[asyncio.Task[Any]]) -> None:
    """Wait until one task ends and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def _api(layout: Layout, *, port: int, lock: int, shop_url: str) -> Service:
    return Service(
        name="api",
        argv=[sys.executable, "-P", "-m", "packshot", "api", "--port", str(port)],
        is_ready=lambda _pid: listening.answers_ready(port),
        env={**layout.settings, "PYTHONUNBUFFERED": "1", DEMO_SHOP_URL: shop_url},
        grace_s=API_GRACE_S,
        keep_open=(lock,),
    )


def _process(name: str, layout: Layout, *, lock: int, shop_url: str) -> Service:
    started = layout.sockets / f"{name}.started"
    env = {**layout.settings, "PYTHONUNBUFFERED": "1", STARTED_FILE: str(started)}
    if name == "worker":  # the others call no shop
        env[DEMO_SHOP_URL] = shop_url
    return Service(
        name=name,
        argv=[sys.executable, "-P", "-m", "packshot", name],
        is_ready=lambda pid: has_started(started, pid),
        env=env,
        grace_s=API_GRACE_S,
        keep_open=(lock,),
    )


async def _prepare_database(layout: Layout) -> None:
    """Make the database on the first start, and bring it to this release's schema."""
    connection = await asyncpg.connect(layout.database_url("postgres", "postgres"))
    try:
        known = "SELECT 1 FROM pg_database WHERE datname = $1"
        if await connection.fetchval(known, DATABASE) is None:
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
    applied = await migrate(layout.owner_url)
    if applied:
        say("up", f"migrated the database to {applied[-1]}")


async def _first_organization(layout: Layout) -> str | None:
    """Return the id of the oldest organization; None on a first start."""
    connection = await asyncpg.connect(layout.owner_url)
    try:
        tenant_id = await connection.fetchval(
            "SELECT tenant_id FROM views.organization ORDER BY created_at, tenant_id LIMIT 1"
        )
    finally:
        await connection.close()
    return None if tenant_id is None else str(OrgId(tenant_id))
