"""Newman, Postman's own runner of collections, from npm into a folder that no commit holds."""

import fcntl
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".tools" / "newman"
VERSION = "6.2.2"
RUNNER = FOLDER / "node_modules" / "newman" / "bin" / "newman.js"
WITHIN_S = 100


@dataclass(frozen=True, slots=True)
class Run:
    """What a run said: its report as Newman writes it."""

    report: dict[str, Any]

    @property
    def statuses(self) -> dict[str, int]:
        """The status of each answer by what was asked (``GET /api/v1/jobs/:jobId``), or 0."""
        return {
            f"{request['method']} /{'/'.join(request['url']['path'])}": answer.get("code", 0)
            for request, answer in (
                (one["item"]["request"], one.get("response", {}))
                for one in self.report["run"]["executions"]
            )
        }

    @property
    def failures(self) -> list[str]:
        """What each failed assertion said, and each request that was not answered."""
        return [
            f"{one['source']['name']}: {one['error']['message']}"
            for one in self.report["run"]["failures"]
        ]


def run_collection(collection: Path, *, working_dir: Path, **variables: str) -> Run:
    """Run a collection once, with these values of its variables."""
    report = working_dir / "report.json"
    command = [
        _node(), str(_installed()), "run", str(collection), "--working-dir", str(working_dir),
        "--reporters", "json", "--reporter-json-export", str(report),
        "--timeout-request", "30000",
    ]  # fmt: skip
    for name, value in variables.items():
        command += ["--env-var", f"{name}={value}"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=WITHIN_S, check=False, cwd=working_dir
    )
    assert report.is_file(), done.stdout + done.stderr
    return Run(json.loads(report.read_text()))


def _node() -> str:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("Newman needs node and npm, and they are not installed")
    return node


def _installed() -> Path:
    """The runner's file, installed by whoever asks first."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        package = FOLDER / "node_modules" / "newman" / "package.json"
        if not package.is_file() or json.loads(package.read_text())["version"] != VERSION:
            done = subprocess.run(
                ["npm", "install", "--prefix", str(FOLDER), f"newman@{VERSION}",
                 "--no-audit", "--no-fund", "--ignore-scripts"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode != 0:
                pytest.skip(f"npm could not install newman: {done.stderr.strip()[-300:]}")
    return RUNNER
