"""The commands about what is recorded: the views of the log."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import json
import os
from typing import Annotated

import typer

from packshot.cli.speaking import (
    AsJson,
    DataOrElse,
    default_data,
    fail,
    note,
    problems_as_sentences,
)

commands = typer.Typer()


@commands.command()
def rebuild(
    view: Annotated[str, typer.Argument(help="The view: activity.")],
    *,
    data: DataOrElse = None,
    as_json: AsJson = False,
) -> None:
    """Make a following view anew from the logs and say what differed.

    Everything runs on meanwhile. The database is that of --data, else of
    PACKSHOT_OWNER_DATABASE_URL, else the one of the checkout's data folder. Exit 1 where an
    organization's log holds an event that the view cannot use.
    """
    import asyncio

    with problems_as_sentences():
        from packshot.embedded.visit import owned_database
        from packshot.store.rebuild import rebuild as run_rebuild
        from packshot.wiring import FOLLOWING_VIEWS

        known = {following.name: following for following in FOLLOWING_VIEWS}
        if view not in known:
            fail(f"There is no following view {view}; there are: {', '.join(known)}.")
        with owned_database(data, environ=os.environ, default=default_data()) as owner_url:
            rebuilt = asyncio.run(run_rebuild(owner_url, known[view]))
            note(owner_url)
    typer.echo(json.dumps(rebuilt.as_dict()) if as_json else str(rebuilt))
    raise typer.Exit(1 if rebuilt.parked else 0)
