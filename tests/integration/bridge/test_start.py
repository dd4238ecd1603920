"""How the reference bridge starts, and what it says when it cannot."""

import subprocess
import sys
from pathlib import Path

import pytest

from reference_bridge import PROGRAM, SECRET, fill, jpeg, running_bridge

SKUS = ("A-1", "B-2")


def start(folder: Path, *options: str, secret: str = SECRET) -> subprocess.CompletedProcess[str]:
    """Run a start that is expected to fail."""
    (folder / "secret").write_text(secret)
    command = [sys.executable, "-E", PROGRAM, "--store", folder / "store", "--port", "0"]
    return subprocess.run(
        [*command, "--secret-file", folder / "secret", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_catalog_that_cannot_be_read_whole_fills_nothing(tmp_path: Path):
    fill(tmp_path / "fill", SKUS)
    (tmp_path / "fill" / "1-1.jpg").unlink()

    refused = start(tmp_path, "--fill", str(tmp_path / "fill"))
    (tmp_path / "fill" / "1-1.jpg").write_bytes(jpeg(1))

    assert refused.returncode == 1
    assert "catalog.json cannot be imported" in refused.stderr
    with running_bridge(tmp_path, "--fill", str(tmp_path / "fill")) as bridge:
        items = bridge.get("/catalog").json()["items"]
        assert [(item["sku"], len(item["images"])) for item in items] == [(sku, 2) for sku in SKUS]


def test_a_shop_with_listings_is_not_filled_again(tmp_path: Path):
    fill(tmp_path / "fill", SKUS)
    with running_bridge(tmp_path, "--fill", str(tmp_path / "fill")) as bridge:
        before = bridge.item("A-1")
        bridge.publish("A-1", [{"slot": "main", "remoteId": before["images"][1]["remoteId"]}])
        changed = bridge.item("A-1")
        bridge.kill()
        bridge.start()

        assert bridge.item("A-1") == changed != before


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_*", "secret", "whsec_c2hvcnQ="])
def test_a_secret_that_is_none_is_said(tmp_path: Path, secret: str):
    refused = start(tmp_path, secret=secret)

    assert refused.returncode == 1
    assert str(tmp_path / "secret") in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_callback_that_is_no_web_address_is_said(tmp_path: Path):
    refused = start(tmp_path, "--callback", "file:///etc/passwd")

    assert refused.returncode == 1
    assert "--callback" in refused.stderr


def test_while_a_secret_is_changed_both_are_accepted(tmp_path: Path):
    other = "whsec_" + "B" * 43 + "="
    fill(tmp_path / "fill", SKUS)
    with running_bridge(
        tmp_path, "--fill", str(tmp_path / "fill"), secrets=(other, SECRET)
    ) as bridge:
        assert bridge.get("/health").status_code == 200
        assert bridge.get("/health", secret=other).status_code == 200
