"""The commands of ./packshot; what is heavy is imported inside the command that needs it."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = (sys.executable, "-P", "-m")
CHECKS = {
    "lint": (*PYTHON, "ruff", "check", ".", "packshot"),
    "format": (*PYTHON, "ruff", "format", "--check", ".", "packshot"),
    "types": (*PYTHON, "mypy"),
    "imports": (str(Path(sys.executable).with_name("lint-imports")),),
    "architecture": (*PYTHON, "pytest", "-q", "tests/architecture"),
}
SOAKS = ("jobs", "planted-faults")
SOAK_HELP = """Kill everything for long, or plant faults and see them caught.

\b
jobs: kills while jobs are asked for, then holds all clients against the log
  --seed N      the same kills and jobs again  [default: $SEED, else a new one]
  --kills N     how many kills  [default: 100]
  --jobs N      how many jobs  [default: 2000]
  --port N      the API's port  [default: a free one]
  --folder DIR  where its data goes  [default: the temporary folder]

\b
planted-faults: breaks a copy of the product and runs the tests that must fail
  WORD ...      only faults whose names hold one of these  [default: all]
"""
PASS_ARGUMENTS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

commands = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich costs 60 ms of every --help
    pretty_exceptions_enable=False,  # its tracebacks print local variables, secrets included
)
org = typer.Typer(help="The organizations of an installation.", no_args_is_help=True)
secret_files = typer.Typer(help="The secrets of processes apart.", no_args_is_help=True)
audit = typer.Typer(help="The log and its proof.", no_args_is_help=True)
commands.add_typer(org, name="org")
commands.add_typer(audit, name="audit")
commands.add_typer(secret_files, name="secrets")


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


@org.command("create")
def create_org(
    name: Annotated[str, typer.Argument(help="What people know the organization by.")],
    *,
    data: DataOrElse = None,
    as_json: AsJson = False,
) -> None:
    """Found an organization with a key of every scope. The key is printed this once.

    In the running installation of --data, else where PACKSHOT_DATABASE_URL and the other settings
    lead, else in the one that runs on the checkout's data folder.
    """
    import asyncio

    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.embedded.visit import external_address, running_installation
        from packshot.wiring import open_services

        is_external = external_address(os.environ, "PACKSHOT_DATABASE_URL", data=data)
        settings = Settings.read(
            os.environ if is_external else running_installation(data or default_data()).settings
        )

        async def create() -> dict[str, str | None]:
            async with open_services(settings, render=False) as services:
                made = await services.organizations.create(name, actor_id="packshot org create")
            link = f"{settings.public_url}/join/{made.link_secret}"
            return {"orgId": str(made.org_id), "apiKey": made.secret, "setupUrl": link}

        created = asyncio.run(create())
        note(settings.database_url)
    if as_json:
        typer.echo(json.dumps(created))
    else:
        typer.echo(f"{name}: {created['orgId']}\nIts key, shown this once: {created['apiKey']}")
        typer.echo(f"Its owner's link, good once: {created['setupUrl']}")


@audit.command("verify")
def verify(*, data: DataOrElse = None, as_json: AsJson = False) -> None:
    """Recompute every organization's chain and say the head it led to.

    The database is that of --data, else of PACKSHOT_OWNER_DATABASE_URL, else the one of the
    checkout's data folder. Exit 1, naming the place, where a chain does not hold.
    """
    import asyncio

    with problems_as_sentences():
        from packshot.embedded.visit import owned_database
        from packshot.store.verify import verify_log

        with owned_database(data, environ=os.environ, default=default_data()) as owner_url:
            verdicts = asyncio.run(verify_log(owner_url))
            note(owner_url)
    rows = [
        {
            "orgId": str(verdict.org_id),
            "events": verdict.events,
            "head": f"{verdict.events}.{verdict.head.hex()}" if verdict.valid else None,
            "valid": verdict.valid,
            "firstBad": verdict.first_bad,
            "reason": verdict.reason,
        }
        for verdict in verdicts
    ]
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        for row in rows:
            place = f"BROKEN at position {row['firstBad']}: {row['reason']}"
            found = f"ok  head {row['head']}" if row["valid"] else place
            typer.echo(f"{row['orgId']}  {row['events']} events  {found}")
    raise typer.Exit(0 if all(row["valid"] for row in rows) else 1)


@secret_files.command("create")
def create_secrets(
    folder: Annotated[Path, typer.Argument(help="The folder, for PACKSHOT_SECRETS_DIR.")],
) -> None:
    """Make the secrets that every process apart shares, once. None is overwritten."""
    with problems_as_sentences():
        from packshot.embedded.secrets import create

        is_made = create(folder.absolute())
    typer.echo(
        f"Made the secrets in {folder}. Keep a copy: no key works without them."
        if is_made
        else f"Nothing to do: the secrets are in {folder}."
    )


@commands.command()
def bench(
    name: Annotated[str, typer.Argument(help="edge, imaging, jobs, start, store or webhooks")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows here.")] = None,
) -> None:
    """Measure the figures of one section beside their targets."""
    files = (CHECKOUT / "tests" / "benchmarks").glob("[a-z]*.py")
    known = sorted(path.stem for path in files if "\ndef run(" in path.read_text())
    if name not in known:
        fail(f"There is no bench {name}; there are: {', '.join(known)}.")
    destination = [] if json_file is None else [str(json_file.absolute())]
    run_in_checkout("benchmarks.table", name, *destination)


@commands.command(help=SOAK_HELP, context_settings=PASS_ARGUMENTS_ON)
def soak(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="jobs or planted-faults")],
) -> None:
    """Kill everything for long, or plant faults and see them caught."""
    if name not in SOAKS:
        fail(f"There is no soak {name}; there are: {', '.join(SOAKS)}.")
    run_in_checkout(f"chaos.{name.replace('-', '_')}", *context.args)


@commands.command(context_settings=PASS_ARGUMENTS_ON)
def test(context: typer.Context) -> None:
    """Run every test, on every processor. Arguments go to pytest instead."""
    processors = str(os.cpu_count() or 1)
    # A file's tests stay together: they share what is costly to start.
    run_in_checkout("pytest", *(context.args or ("-n", processors, "--dist", "loadscope")))


@commands.command()
def check() -> None:
    """Run linter, formatter, types, import rules, architecture tests."""
    failed = []
    for name, command in CHECKS.items():
        typer.echo(f"== {name}")
        if subprocess.call(command, cwd=CHECKOUT) != 0:  # noqa: S603 - CHECKS, above
            failed.append(name)
    if failed:
        fail(f"check failed: {', '.join(failed)}")
    typer.echo("check passed")


def run_in_checkout(module: str, *arguments: str) -> NoReturn:
    """Become a Python module run at the root of the checkout."""
    os.chdir(CHECKOUT)
    search = os.pathsep.join([str(CHECKOUT / "tests"), os.environ.get("PYTHONPATH", "")]).strip(
        os.pathsep
    )
    os.execve(  # noqa: S606 - no shell is wanted
        sys.executable, [*PYTHON, module, *arguments], {**os.environ, "PYTHONPATH": search}
    )


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
