"""The commands that run Packshot: all of it, or one process of it."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import os
from pathlib import Path
from typing import Annotated

import typer

from packshot.cli.speaking import Data, fail, problems_as_sentences

commands = typer.Typer()


@commands.command()
def up(
    data: Data,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The API's port.")] = 3000,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written when everything answers: addresses, pids, key.")
    ] = None,
) -> None:
    """Run everything on embedded Postgres and Valkey, until Ctrl-C."""
    with problems_as_sentences():
        from packshot.up import up as run_up

        raise typer.Exit(run_up(data, port=port, ready_file=ready_file))


@commands.command()
def api(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The API's port.")] = 3000,
) -> None:
    """Run one API process; its settings are PACKSHOT_* variables."""
    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.serve import PortTaken, serve

        try:
            serve(Settings.read(os.environ), port=port)
        except PortTaken as taken:
            fail(f"{taken}; choose another with --port N.")


@commands.command()
def projector() -> None:
    """Run one projector; its settings are PACKSHOT_* variables."""
    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.projector import run_projector

        run_projector(Settings.read(os.environ))


@commands.command()
def worker() -> None:
    """Run one worker; its settings are PACKSHOT_* variables."""
    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.worker import work

        work(Settings.read(os.environ))


@commands.command()
def relay() -> None:
    """Run one relay; its settings are PACKSHOT_* variables."""
    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.relay import relay as run_relay

        run_relay(Settings.read(os.environ))


@commands.command()
def migrate() -> None:
    """Bring a database to this release's schema. Its address is PACKSHOT_OWNER_DATABASE_URL."""
    import asyncio

    owner_url = os.environ.get("PACKSHOT_OWNER_DATABASE_URL")
    if not owner_url:
        fail("PACKSHOT_OWNER_DATABASE_URL is not set: the address of the database as its owner.")
    with problems_as_sentences():
        from packshot.store.migrate import migrate as run_migrations

        applied = asyncio.run(run_migrations(owner_url))
    typer.echo("\n".join(applied) if applied else "Nothing to do: the schema is the newest.")
