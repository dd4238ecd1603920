"""The commands of ./packshot; what is heavy is imported inside the command that needs it."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

from typing import Annotated

import typer

from packshot.cli import (
    development,
    installation,
    people,
    processes,
    proofs,
    supervision,
    views,
)

commands = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich costs 60 ms of every --help
    pretty_exceptions_enable=False,  # its tracebacks print local variables, secrets included
)
for part in (processes, views, development):
    commands.add_typer(part.commands)
commands.add_typer(supervision.org, name="org")
commands.add_typer(views.projections, name="projections")
commands.add_typer(people.person, name="person")
commands.add_typer(proofs.audit, name="audit")
commands.add_typer(installation.secret_files, name="secrets")


def tell_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option
    """Print the version and end, where it was asked for."""
    if wanted:
        from packshot import __version__

        typer.echo(f"packshot {__version__}")
        raise typer.Exit


@commands.callback()
def packshot(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Product photos in, marketplace-ready images out, with a history that can be proved."""
