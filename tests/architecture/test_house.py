"""The house: rooms in their places, files short enough to read, names that say something."""

import re
import subprocess
import sys

import pytest

from architecture.sources import ROOT, functions, place, product_files, python_files

MODULE_MAX_LINES = 400
FUNCTION_MAX_LINES = 60
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}


def test_platform_is_a_source_root_and_no_package() -> None:
    """A platform/__init__.py would hide the standard library's module, and break uuid with it."""
    assert not (ROOT / "platform" / "__init__.py").exists()


@pytest.mark.parametrize("module", ["platform", "uuid", "asyncio"])
def test_the_standard_library_works_from_the_root(module: str) -> None:
    code = f"import {module}, platform; platform.python_version()"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "room", ["platform", "domain", "projections", "imaging", "integrations", "ops", "tests"]
)
def test_every_room_of_the_card_stands_at_the_root(room: str) -> None:
    assert (ROOT / room).is_dir()


def test_no_module_is_too_long_to_read() -> None:
    lengths = {place(path): len(path.read_text().splitlines()) for path in product_files()}

    assert {name: lines for name, lines in lengths.items() if lines > MODULE_MAX_LINES} == {}


def test_no_function_is_too_long_to_read() -> None:
    too_long = [
        f"{place(path, node)} {node.name}"
        for path in product_files()
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_MAX_LINES
    ]

    assert too_long == []


def test_every_file_has_a_name_that_says_what_is_in_it() -> None:
    named = python_files("platform", "domain", "projections", "imaging", "tests")

    assert [place(path) for path in named if path.stem in SAYS_NOTHING] == []


def test_every_file_of_the_product_opens_with_what_it_is_for() -> None:
    silent = [place(path) for path in product_files() if not path.read_text().startswith('"""')]

    assert silent == []


def test_nothing_is_left_to_do_in_a_comment() -> None:
    mark = re.compile(
        r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b"
    )
    files = [*product_files(), *python_files("tests")]

    assert [place(path) for path in files if mark.search(path.read_text())] == []
