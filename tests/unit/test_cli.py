"""What the help says of the commands: all of it, and all of what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def help_of(*command: str) -> str:
    """The help of a command on a terminal of 80 columns."""
    asked = subprocess.run(
        [sys.executable, "-P", "-m", "packshot", *command, "--help"],
        env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout


@pytest.mark.parametrize("group", [(), ("org",), ("person",), ("audit",), ("secrets",)])
def test_no_line_of_the_help_is_cut(group: tuple[str, ...]):
    _, heading, said = help_of(*group).partition("Commands:")

    assert heading
    assert "..." not in said


def test_every_bench_is_named():
    files = (TESTS / "benchmarks").glob("[a-z]*.py")
    benches = {path.stem for path in files if "\ndef run(" in path.read_text()}

    named = re.search(r"name <str>\s+(.*?)\s+\[required\]", help_of("bench"), re.DOTALL)

    assert named is not None
    assert set(re.findall(r"\w+", named[1])) - {"or"} == benches


def test_every_option_of_the_soak_is_named():
    options = set(re.findall(r'"(--\w+)"', (TESTS / "chaos" / "jobs.py").read_text()))

    assert set(re.findall(r"--\w+", help_of("soak"))) - {"--help"} == options
    assert options
