"""Plants each fault in a copy of the tree and runs its tests: ``python -m chaos.planted_faults``.

Prints caught or missed for each; ends with 1 when one was missed, or when a test fails unplanted.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from chaos.faults import FAULTS, Fault

ROOT = Path(__file__).parents[2]
FAILED = 1  # pytest: tests were run and some failed
WITHIN_S = 300


def main(wanted: Sequence[str]) -> int:
    """Plant the faults whose names hold one of ``wanted``, or all of them."""
    faults = [fault for fault in FAULTS if not wanted or any(word in fault.name for word in wanted)]
    folder = Path(tempfile.mkdtemp(prefix="packshot-faults-"))
    try:
        copy = folder / "tree"
        copy_tree(copy)
        every = sorted({selected(fault) for fault in faults})
        if run_tests(copy, every) != 0:
            print("the tests fail without any fault; nothing can be told by them")
            return 1
        missed = [fault for fault in faults if not is_caught(fault, copy)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(faults) - len(missed)} of {len(faults)} caught")
    return 1 if missed else 0


def copy_tree(copy: Path) -> None:
    """Copy what git knows of, or would, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, copy / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def is_caught(fault: Fault, copy: Path) -> bool:
    """Whether the fault's test fails; the file is put back."""
    path = copy / fault.file
    right = path.read_text()
    began_s = time.monotonic()
    fault.plant(copy)
    try:
        is_caught = run_tests(copy, [selected(fault)], quiet=True) == FAILED
    finally:
        path.write_text(right)
    took_s = time.monotonic() - began_s
    print(f"{'caught' if is_caught else 'MISSED'}  {took_s:5.1f} s  {fault.name}", flush=True)
    return is_caught


def selected(fault: Fault) -> str:
    """The fault's test as pytest names it."""
    return f"{fault.module}::{fault.test}"


def run_tests(copy: Path, tests: Sequence[str], *, quiet: bool = False) -> int:
    """Run tests of the copy against the copy; returns pytest's exit code."""
    # The environment's own packages lead to the original tree; what stands here comes before.
    search = os.pathsep.join(str(copy / part) for part in ("platform", "", "tests"))
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(
        command,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    if not quiet and ran.returncode != 0:
        print(ran.stdout[-4000:], ran.stderr[-2000:])
    return ran.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
