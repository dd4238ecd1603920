"""The commands for work on Packshot itself: tests, checks, benches, soaks."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from packshot.cli.speaking import CHECKOUT, fail

PYTHON = (sys.executable, "-P", "-m")
CHECKS = {
    "lint": (*PYTHON, "ruff", "check", ".", "packshot"),
    "format": (*PYTHON, "ruff", "format", "--check", ".", "packshot"),
    "types": (*PYTHON, "mypy"),
    "imports": (str(Path(sys.executable).with_name("lint-imports")),),
    "architecture": (*PYTHON, "pytest", "-q", "tests/architecture"),
}
SOAKS = ("jobs", "planted-faults")
SOAK_HELP = """Kill everything for long, or see planted faults caught.

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

commands = typer.Typer()


@commands.command()
def bench(
    name: Annotated[
        str, typer.Argument(help="edge, imaging, jobs, scale, start, store or webhooks")
    ],
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
    """Kill everything for long, or see planted faults caught."""
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
    """Run linter, formatter, types, import and architecture rules."""
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
