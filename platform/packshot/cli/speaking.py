"""How commands speak: their common options, what they note beside the answer, and why they fail."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

CHECKOUT = Path(__file__).resolve().parents[3]


def default_data() -> Path:
    """Return .packshot of the checkout, or of the current folder where there is no checkout."""
    return (CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()) / ".packshot"


Data = Annotated[
    Path,
    typer.Option(
        "--data",
        default_factory=default_data,
        show_default="the checkout's .packshot",
        help="The data folder.",
    ),
]
DataOrElse = Annotated[
    Path | None,
    typer.Option(
        "--data",
        show_default="what PACKSHOT_* variables name, else the checkout's .packshot",
        help="The data folder.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def note(database_url: str) -> None:
    """Say which database was worked on, apart from what the command answers."""
    from packshot.embedded.visit import without_password

    typer.echo(f"packshot: worked on the database {without_password(database_url)}", err=True)


@contextmanager
def problems_as_sentences() -> Iterator[None]:
    """Turn what a person can mend into one sentence and exit code 1."""
    import asyncpg

    from domain.errors import Refusal
    from packshot.config import InvalidSettings
    from packshot.embedded.problems import Problem
    from packshot.store.secrets import MissingSecret

    try:
        yield
    except Refusal as refusal:
        fail(f"{refusal.detail} {refusal.fix or ''}")
    except (Problem, InvalidSettings, MissingSecret) as problem:
        fail(str(problem))
    except (ConnectionError, socket.gaierror) as refused:
        fail(f"The database or Valkey does not answer: {refused}")
    except asyncpg.ClientConfigurationError:
        fail("The database's address is to be postgresql://USER:PASSWORD@HOST:PORT/NAME.")
    except asyncpg.InvalidAuthorizationSpecificationError as refused:
        fail(f"The database does not let this user in: {refused}.")
    except asyncpg.InsufficientPrivilegeError as refused:
        fail(
            f"The database allows this user too little: {refused}. The owner needs CREATEROLE, and "
            "for `packshot audit verify` BYPASSRLS, or to be a superuser."
        )
    except (asyncpg.InvalidCatalogNameError, asyncpg.UndefinedTableError) as missing:
        fail(f"The database is not prepared: {missing}. Make it, then run `packshot migrate`.")


def fail(sentence: str) -> NoReturn:
    """Print why it did not work, and leave with exit code 1."""
    typer.echo(f"packshot: {sentence.strip()}", err=True)
    raise typer.Exit(1)
