"""The commands about views: how they stand, what frees a parked organization, and rebuilds."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from packshot.cli.speaking import (
    AsJson,
    DataOrElse,
    default_data,
    fail,
    note,
    problems_as_sentences,
)

if TYPE_CHECKING:
    from packshot.store.rebuild import Progress, Rebuilt
    from packshot.store.standings import Standing

commands = typer.Typer()
projections = typer.Typer(help="The views of the logs, and how far they have come.")

T = TypeVar("T")


@projections.callback(invoke_without_command=True)
def stand(context: typer.Context, *, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """Tell how far each view has come, and which organizations it cannot follow, and why.

    The database is that of --data, else of PACKSHOT_OWNER_DATABASE_URL, else the one of the
    checkout's data folder. Exit 1 where an organization is parked.
    """
    if context.invoked_subcommand is not None:
        return
    with problems_as_sentences():
        from packshot.store.standings import standings
        from packshot.wiring import FOLLOWING_VIEWS, INLINE_VIEWS

        inline = [view.name for view in INLINE_VIEWS]
        told = _on_the_database(
            data, lambda url: standings(url, following=FOLLOWING_VIEWS, inline=inline)
        )
    lines = json.dumps([one.as_dict() for one in told]) if as_json else _table(told)
    typer.echo(lines)
    raise typer.Exit(1 if any(one.parked for one in told) else 0)


@projections.command("retry")
def retry(
    view: Annotated[str, typer.Argument(help="The view that parked it.")],
    org_id: Annotated[str, typer.Argument(help="The organization, such as org_01m8….")],
    *,
    data: DataOrElse = None,
    as_json: AsJson = False,
) -> None:
    """Free an organization that a view has parked.

    Once what parked it is mended. The view goes on at the event where it stopped. Exit 1 where it
    stops there again.
    """
    with problems_as_sentences():
        from domain.ids import OrgId
        from packshot.store.standings import retry as run_retry
        from packshot.wiring import FOLLOWING_VIEWS

        known = {following.name: following for following in FOLLOWING_VIEWS}
        if view not in known:
            fail(f"There is no following view {view}; there are: {', '.join(known)}.")
        try:
            wanted = OrgId.parse(org_id)
        except ValueError:
            fail(f"{org_id!r} is not an organization's id; `packshot projections` tells them.")
        done = _on_the_database(data, lambda url: run_retry(url, known[view], wanted))
    if as_json:
        typer.echo(json.dumps(done.as_dict()))
    else:
        typer.echo(f"{view} of {org_id}: from {done.before} to {done.position} of {done.events}")
        if done.reason is not None:
            typer.echo(f"parked again: {done.reason}")
    raise typer.Exit(1 if done.reason is not None else 0)


@commands.command()
def rebuild(
    view: Annotated[str, typer.Argument(help="The view; `packshot projections` names them.")],
    *,
    data: DataOrElse = None,
    as_json: AsJson = False,
) -> None:
    """Make a view anew from the logs and say what differed.

    Everything runs on meanwhile. The database is that of --data, else of
    PACKSHOT_OWNER_DATABASE_URL, else the one of the checkout's data folder. Exit 1 where an
    organization's log holds an event that the view cannot use.
    """
    with problems_as_sentences():
        from packshot.store.rebuild import rebuild as rebuild_following
        from packshot.store.replay import rebuild_inline
        from packshot.wiring import FOLLOWING_VIEWS, INLINE_VIEWS

        following = {one.name: one for one in FOLLOWING_VIEWS}
        inline = {one.name: one for one in INLINE_VIEWS}
        if view not in following.keys() | inline.keys():
            fail(f"There is no view {view}; there are: {', '.join([*following, *inline])}.")

        def run(url: str) -> Awaitable["Rebuilt"]:
            if view in following:
                return rebuild_following(url, following[view], progress=progress)
            return rebuild_inline(url, inline[view], progress=progress)

        with _bar(f"rebuild {view}") as progress:
            rebuilt = _on_the_database(data, run)
    typer.echo(json.dumps(rebuilt.as_dict()) if as_json else str(rebuilt))
    raise typer.Exit(1 if rebuilt.parked else 0)


def _on_the_database(data: Path | None, work: Callable[[str], Awaitable[T]]) -> T:
    """Do something on the database that is meant, as its owner, and say which it was."""
    import asyncio

    from packshot.embedded.visit import owned_database

    with owned_database(data, environ=os.environ, default=default_data()) as owner_url:

        async def run() -> T:
            return await work(owner_url)

        done = asyncio.run(run())
        note(owner_url)
    return done


@contextmanager
def _bar(label: str) -> Iterator["Progress"]:
    """A bar on a terminal; elsewhere nothing, and what is answered stays alone."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with typer.progressbar(length=1, label=label, file=sys.stderr, show_pos=True) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield progress


def _table(told: list["Standing"]) -> str:
    """The standings as a person reads them."""
    rows = [("view", "position", "behind", "worst")]
    for one in told:
        if one.lag is None:
            rows.append((one.view, f"{one.held:,}", "never", ""))
            continue
        behind = (
            f"{one.lag.events:,} events, {one.behind_s:.1f} s" if one.lag.events else "0 events"
        )
        rows.append((one.view, f"{one.held:,}", behind, str(one.lag.worst or "")))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for one in told:
        lines += [
            f"parked: {one.view} of {parked.org_id} after {parked.position} of {parked.events}, "
            f"since {parked.since:%Y-%m-%d %H:%M} UTC: {parked.reason}"
            for parked in one.parked
        ]
    return "\n".join(lines)
