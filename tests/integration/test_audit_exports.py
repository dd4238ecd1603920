"""`packshot audit verify --export`: with the file, the public key and a witness, no more."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from architecture.sources import ROOT
from installation import Up, packshot, running_up
from packshot.store.head import Signer

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


@pytest.fixture
def heads(up: Up) -> list[str]:
    """The heads of two writes."""
    url = f"{up.ready['baseUrl']}/api/v1/org/webhook-secret/rotate"
    return [
        requests.post(url, headers={"x-api-key": up.ready["apiKey"]}, timeout=20).headers[
            "x-log-head"
        ]
        for _ in range(2)
    ]


@pytest.fixture
def export(up: Up, heads: list[str], tmp_path: Path) -> Path:
    answer = requests.get(
        f"{up.ready['baseUrl']}/api/v1/audit/export",
        headers={"x-api-key": up.ready["apiKey"]},
        timeout=20,
    )
    file = tmp_path / "log.ndjson"
    file.write_bytes(answer.content)
    return file


@pytest.fixture
def key(up: Up, tmp_path: Path) -> Path:
    answer = requests.get(f"{up.ready['baseUrl']}/api/v1/audit/public-key", timeout=20)
    file = tmp_path / "key.pem"
    file.write_text(answer.json()["pem"])
    return file


def verify(export: Path, key: Path, *more: str | Path) -> tuple[int, str, str]:
    done = packshot("audit", "verify", "--export", export, "--public-key", key, *more)
    return done.returncode, done.stdout, done.stderr


def test_an_export_is_verified_with_its_key_and_the_heads_that_were_kept(
    up: Up, export: Path, key: Path, heads: list[str], tmp_path: Path
):
    witness = tmp_path / "heads.txt"
    headers = f"HTTP/1.1 200 \r\ncontent-length: 2\r\nX-Log-Head: {heads[1]}\r\n\r\n"
    told = json.dumps({"orgId": up.ready["orgId"], "head": heads[0]})
    witness.write_text(f"{heads[0]}\n{headers}{told}\n")

    code, out, err = verify(export, key, "--witness", witness)

    assert (code, err) == (0, "")
    assert out.startswith(f"{up.ready['orgId']}  ")
    assert f"ok  head {heads[1].rpartition('.')[0]}" in out


def test_a_changed_line_is_named(export: Path, key: Path):
    lines = export.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("Demo", "Eemo")
    export.write_text("".join(lines))

    code, out, _ = verify(export, key)

    assert code == 1
    assert "BROKEN at position 1" in out


def test_a_cut_export_is_named(export: Path, key: Path):
    export.write_text("".join(export.read_text().splitlines(keepends=True)[:-1]))

    code, out, _ = verify(export, key)

    assert code == 1
    assert "cut off" in out


def test_another_key_does_not_do(export: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.write_text(Signer(bytes(32)).public_key.public_bytes_raw().hex())

    code, out, _ = verify(export, other)

    assert code == 1
    assert "not signed by that key" in out


def test_a_witness_of_another_history_is_named(
    export: Path, key: Path, heads: list[str], tmp_path: Path
):
    witness = tmp_path / "heads.txt"
    position, tip, signature = heads[0].split(".")
    witness.write_text(f"{position}.{tip[:-1]}{'0' if tip[-1] != '0' else '1'}.{signature}")

    code, _, err = verify(export, key, "--witness", witness)

    assert code == 1
    assert "line 1 of the witness is not signed by that key" in err


@pytest.mark.parametrize(
    "content", ["", "no heads here\n", "x-log-head: 1.2.3\n", '{"head":"1"}\n']
)
def test_a_witness_that_cannot_be_read_is_bad_usage(
    export: Path, key: Path, tmp_path: Path, content: str
):
    witness = tmp_path / "heads.txt"
    witness.write_text(content)

    assert verify(export, key, "--witness", witness)[0] == 2


def test_what_is_missing_or_contradicts_itself_is_bad_usage(
    up: Up, export: Path, key: Path, tmp_path: Path
):
    without_key = packshot("audit", "verify", "--export", export)
    with_both = packshot("audit", "verify", "--export", export, "--data", up.data)
    no_file = packshot("audit", "verify", "--export", tmp_path / "none", "--public-key", key)
    no_key = packshot("audit", "verify", "--export", export, "--public-key", export)

    assert [each.returncode for each in (without_key, with_both, no_file, no_key)] == [2] * 4


def test_commands_keep_the_heads_of_what_they_write(up: Up):
    witness = up.data / "witness.jsonl"
    before = witness.read_text().splitlines()  # up itself has founded an organization

    made = json.loads(packshot("org", "create", "Globex", "--json", "--data", up.data).stdout)

    *_, line = witness.read_text().splitlines()
    held = packshot("audit", "verify", "--data", up.data, "--witness", witness)
    assert [json.loads(line)["orgId"] for line in before] == [up.ready["orgId"]]
    assert json.loads(line)["orgId"] == made["orgId"]
    assert held.returncode == 0, held.stderr


def test_checkpoints_of_the_data_folder_are_a_witness(up: Up):
    file = up.data / "checkpoints" / f"{up.ready['orgId']}.jsonl"
    up.until(file.exists, what="a checkpoint")

    held = packshot("audit", "verify", "--data", up.data, "--witness", file)

    assert held.returncode == 0, held.stderr


def test_the_database_is_held_against_the_heads_that_were_kept(
    up: Up, heads: list[str], tmp_path: Path
):
    witness = tmp_path / "heads.txt"
    witness.write_text("\n".join(heads))

    held = packshot("audit", "verify", "--data", up.data, "--witness", witness)

    assert (held.returncode, "ok" in held.stdout) == (0, True), held.stderr


def test_the_commands_of_the_page_for_auditors_do_what_it_says(up: Up, tmp_path: Path):
    """docs/audit.md: taken and verified, in one folder, as it is written there."""
    page = (ROOT / "docs" / "audit.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    settings, *commands = [block for block in blocks if "person erase" not in block]
    script = "set -eu\n" + "\n".join(commands)
    assert "KEY=" in settings
    for written, meant in (
        (
            "./packshot audit verify --witness .packshot",
            f"packshot audit verify --witness {up.data}",
        ),
        ("./packshot", "packshot"),
    ):
        script = script.replace(written, meant)
    packshot_here = """
    packshot() {
      case "$*" in
        *--export*) "$PYTHON" -P -m packshot "$@" ;;
        *) "$PYTHON" -P -m packshot "$@" --data "$DATA" ;;
      esac
    }
    """

    done = subprocess.run(
        ["bash", "-c", packshot_here + script],
        cwd=tmp_path,
        env={
            **os.environ,
            "KEY": up.ready["apiKey"],
            "URL": f"{up.ready['baseUrl']}/api/v1",
            "PYTHON": sys.executable,
            "DATA": str(up.data),
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok  head") >= 4
    assert '"valid":true' in done.stdout
