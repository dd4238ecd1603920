"""./packshot itself: when it installs, when it does not, and what it says when it cannot.

A stand-in for uv on PATH records what it is asked, so that nothing is fetched; installing for
real is what every run of this suite began with.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
STAND_IN_FOR_UV = """#!/bin/sh
if [ "$1" = --version ]; then echo "uv 0.13.0 (stand-in)"; exit 0; fi
echo "$*" >> "$UV_CALLS"
if [ -n "${UV_FAILS:-}" ]; then exit 2; fi
if [ "$1" = venv ]; then
    for place; do :; done
    mkdir -p "$place/bin"
    printf '#!/bin/sh\\necho ran "$@"\\n' > "$place/bin/python"
    chmod +x "$place/bin/python"
fi
if [ -n "${UV_WAITS_FOR:-}" ] && [ "$1" = venv ]; then cat "$UV_WAITS_FOR" > /dev/null; fi
"""


class Clone:
    """A fresh clone as far as the bootstrap reads it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls = root.parent / "uv-calls.txt"
        tools = root.parent / "bin"
        for folder in (root, tools):
            folder.mkdir(parents=True)
        for name in ("packshot", "requirements.lock", "bootstrap.lock", "pyproject.toml"):
            shutil.copy(CHECKOUT / name, root / name)
        (tools / "uv").write_text(STAND_IN_FOR_UV)
        (tools / "uv").chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "UV_CALLS": str(self.calls),
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, self.root / "packshot", *arguments],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    @property
    def environments_made(self) -> int:
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        return len([call for call in calls if call.startswith("venv")])


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "a clone with spaces")


def test_the_first_run_installs_and_then_runs(clone: Clone):
    code, output, errors = clone.run("up", "--port", "4000")

    assert (code, output) == (0, "ran -P -m packshot up --port 4000\n")
    assert "installing" in errors


def test_a_later_run_installs_nothing_and_says_nothing(clone: Clone):
    clone.run("--help")

    _, _, errors = clone.run("--help")

    assert clone.environments_made == 1
    assert errors == ""


@pytest.mark.parametrize(
    "changed", ["requirements.lock", "bootstrap.lock", "pyproject.toml", "packshot"]
)
def test_what_decides_the_environment_renews_it_when_it_changes(clone: Clone, changed: str):
    clone.run("--help")
    with (clone.root / changed).open("a") as file:
        file.write("\n# changed\n")

    clone.run("--help")

    assert clone.environments_made == 2


def test_a_python_that_was_upgraded_in_its_place_gets_a_new_environment(clone: Clone):
    clone.run("--help")
    python = clone.root / ".venv" / "bin" / "python"
    python.write_text(python.read_text() + "# another version\n")

    clone.run("--help")

    assert "--clear" in clone.calls.read_text().splitlines()[-3]


def test_only_packages_change_in_an_environment_that_stands(clone: Clone):
    clone.run("--help")
    (clone.root / "requirements.lock").write_text("# nothing\n")

    clone.run("--help")

    assert "--allow-existing" in clone.calls.read_text().splitlines()[-3]


def test_a_clone_that_was_moved_is_installed_anew(clone: Clone, tmp_path: Path):
    clone.run("--help")
    clone.root = clone.root.rename(tmp_path / "moved")

    clone.run("--help")

    assert "--clear" in clone.calls.read_text().splitlines()[-3]
    assert clone.environments_made == 2


def test_an_install_that_failed_is_said_and_never_taken_for_finished(clone: Clone):
    code, output, errors = clone.run("--help", UV_FAILS="1")

    assert (code, output) == (1, "")
    assert "could not be installed" in errors
    assert "Traceback" not in errors
    assert clone.run("--help")[0] == 0
    assert clone.environments_made == 2


def test_two_first_runs_at_once_install_once(clone: Clone, tmp_path: Path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = clone.start("one", UV_WAITS_FOR=str(gate))
    with gate.open("w"):  # opens once the first holds the lock and waits in uv
        second = clone.start("two")
        assert second.stderr is not None
        assert "another ./packshot is installing" in second.stderr.readline()

    assert first.communicate(timeout=60)[0] == "ran -P -m packshot one\n"
    assert second.communicate(timeout=60)[0] == "ran -P -m packshot two\n"
    assert clone.environments_made == 1


def test_an_install_whose_starter_was_killed_is_waited_for(clone: Clone, tmp_path: Path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = clone.start("one", UV_WAITS_FOR=str(gate))
    with gate.open("w"):
        first.kill()  # its uv lives on
        first.wait()
        second = clone.start("two")
        assert second.stderr is not None
        assert "another ./packshot is installing" in second.stderr.readline()

    assert second.communicate(timeout=60)[0] == "ran -P -m packshot two\n"
    first.communicate()
    assert clone.environments_made == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
@pytest.mark.parametrize("folder", [".venv", ".tools"])
def test_another_users_environment_is_said_and_not_rewritten(clone: Clone, folder: str):
    (clone.root / folder).mkdir()
    os.chown(clone.root / folder, 12345, 12345)

    code, _, errors = clone.run("--help")

    assert code == 1
    assert "was made by user 12345" in errors
    assert clone.environments_made == 0


def test_without_uv_and_pip_it_says_how_to_get_them(clone: Clone, tmp_path: Path):
    (tmp_path / "bin" / "uv").unlink()
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)

    refused = subprocess.run(
        [bare / "bin" / "python", clone.root / "packshot"],
        env=clone.environment | {"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert "python3-pip" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_python_that_is_too_old_is_said(clone: Clone):
    too_new = (clone.root / "packshot").read_text().replace("(3, 11)", "(9, 0)")
    (clone.root / "packshot").write_text(too_new)

    code, _, errors = clone.run("--help")

    assert code == 1
    assert "needs Python 3.11 or newer" in errors


def test_an_old_python_hands_over_to_a_newer_one_beside_it(clone: Clone, tmp_path: Path):
    newer = tmp_path / "bin" / "python3.13"
    newer.write_text('#!/bin/sh\n[ "$1" = -c ] || echo handed over "$@"\n')
    newer.chmod(0o755)
    script = clone.root / "packshot"
    script.write_text(script.read_text().replace("(3, 11)", "(9, 0)"))

    code, output, _ = clone.run("up")

    assert (code, output) == (0, f"handed over {script} up\n")


def test_it_can_be_started_through_a_link_from_anywhere(clone: Clone, tmp_path: Path):
    link = tmp_path / "packshot-link"
    link.symlink_to(clone.root / "packshot")

    started = subprocess.run(
        [sys.executable, link, "x"], env=clone.environment, capture_output=True, check=True, cwd="/"
    )

    assert started.stdout == b"ran -P -m packshot x\n"
    assert (clone.root / ".venv" / ".ready").exists()
