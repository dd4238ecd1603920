"""The commands of ./packshot; what is heavy is imported inside the command that needs it."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import json
import os
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
PASS_ARGUMENTS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

commands = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich costs 60 ms of every --help
    pretty_exceptions_enable=False,  # its tracebacks print local variables, secrets included
)
org = typer.Typer(help="Organizations of a running installation.", no_args_is_help=True)
audit = typer.Typer(help="The log and its proof.", no_args_is_help=True)
commands.add_typer(org, name="org")
commands.add_typer(audit, name="audit")


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
    """Run one API process with the settings of PACKSHOT_* variables."""
    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.serve import PortTaken, serve

        try:
            serve(Settings.read(os.environ), port=port)
        except PortTaken as taken:
            fail(f"{taken}; choose another with --port N.")


@commands.command()
def projector() -> None:
    """Run one projector with the settings of PACKSHOT_* variables. Any number may run."""
    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.projector import run_projector

        run_projector(Settings.read(os.environ))


@commands.command()
def rebuild(
    view: Annotated[str, typer.Argument(help="The view: activity.")],
    data: Data,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a following view anew from the logs, while everything runs, and say what differed.

    The database is that of PACKSHOT_OWNER_DATABASE_URL, else the one of the data folder. Exit 1
    where an organization's log holds an event that the view cannot use.
    """
    import asyncio

    with problems_as_sentences():
        from packshot.store.rebuild import rebuild as run_rebuild
        from packshot.wiring import FOLLOWING_VIEWS

        known = {following.name: following for following in FOLLOWING_VIEWS}
        if view not in known:
            fail(f"There is no following view {view}; there are: {', '.join(known)}.")
        with owned_database(data) as owner_url:
            rebuilt = asyncio.run(run_rebuild(owner_url, known[view]))
    typer.echo(json.dumps(rebuilt.as_dict()) if as_json else str(rebuilt))
    raise typer.Exit(1 if rebuilt.parked else 0)


@commands.command()
def worker() -> None:
    """Run one worker process with the settings of PACKSHOT_* variables."""
    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.worker import work

        work(Settings.read(os.environ))


@commands.command()
def relay() -> None:
    """Run one relay process with the settings of PACKSHOT_* variables."""
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
    data: Data,
    *,
    as_json: AsJson = False,
) -> None:
    """Found an organization with a key of every scope. The key is printed this once."""
    import asyncio

    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.embedded.visit import running_installation
        from packshot.wiring import open_services

        settings = Settings.read(running_installation(data).settings)

        async def create() -> dict[str, str | None]:
            async with open_services(settings, render=False) as services:
                made = await services.organizations.create(name, actor_id="packshot org create")
            return {"orgId": str(made.org_id), "apiKey": made.secret, "setupUrl": None}

        created = asyncio.run(create())
    if as_json:
        typer.echo(json.dumps(created))
    else:
        typer.echo(f"{name}: {created['orgId']}\nIts key, shown this once: {created['apiKey']}")


@audit.command("verify")
def verify(data: Data, *, as_json: AsJson = False) -> None:
    """Recompute every organization's chain. Exit 1, naming the place, where one does not hold."""
    import asyncio

    with problems_as_sentences():
        from packshot.embedded.visit import database_of
        from packshot.store.verify import verify_log

        with database_of(data) as layout:
            verdicts = asyncio.run(verify_log(layout.owner_url))
    rows = [
        {
            "orgId": str(verdict.org_id),
            "events": verdict.events,
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
            typer.echo(f"{row['orgId']}  {row['events']} events  {'ok' if row['valid'] else place}")
    raise typer.Exit(0 if all(row["valid"] for row in rows) else 1)


@commands.command()
def bench(
    name: Annotated[str, typer.Argument(help="store, imaging, edge or start")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows here.")] = None,
) -> None:
    """Measure the figures of one section beside their targets."""
    files = (CHECKOUT / "tests" / "benchmarks").glob("[a-z]*.py")
    known = sorted(path.stem for path in files if "\ndef run(" in path.read_text())
    if name not in known:
        fail(f"There is no bench {name}; there are: {', '.join(known)}.")
    destination = [] if json_file is None else [str(json_file.absolute())]
    run_in_checkout("benchmarks.table", name, *destination)


@commands.command(context_settings=PASS_ARGUMENTS_ON)
def soak(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="jobs or planted-faults")],
) -> None:
    """Kill everything for long (jobs: --seed N --kills N --jobs N), or see faults caught."""
    if name not in SOAKS:
        fail(f"There is no soak {name}; there are: {', '.join(SOAKS)}.")
    run_in_checkout(f"chaos.{name.replace('-', '_')}", *context.args)


@commands.command(context_settings=PASS_ARGUMENTS_ON)
def test(context: typer.Context) -> None:
    """Run every test, on every processor. Arguments go to pytest instead; -h lists its options."""
    processors = str(os.cpu_count() or 1)
    # A file's tests stay together: they share what is costly to start.
    run_in_checkout("pytest", *(context.args or ("-n", processors, "--dist", "loadscope")))


@commands.command()
def check() -> None:
    """Run linter, formatter, types, import rules, architecture tests. All of them, always."""
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


@contextmanager
def owned_database(data: Path) -> Iterator[str]:
    """Yield the owner's address of the external database that is set, else of the embedded one."""
    from packshot.embedded.visit import database_of

    external = os.environ.get("PACKSHOT_OWNER_DATABASE_URL")
    if external:
        yield external
        return
    with database_of(data) as layout:
        yield layout.owner_url


@contextmanager
def problems_as_sentences() -> Iterator[None]:
    """Turn what a person can mend into one sentence and exit code 1."""
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
    except ConnectionError as refused:
        fail(f"The database or Valkey does not answer: {refused}")


def fail(sentence: str) -> NoReturn:
    """Print why it did not work, and leave with exit code 1."""
    typer.echo(f"packshot: {sentence.strip()}", err=True)
    raise typer.Exit(1)
