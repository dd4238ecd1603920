"""`packshot audit verify`: beside a running installation, alone, and on a log that was changed."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import requests

from installation import Up, packshot, running_up

pytestmark = pytest.mark.timeout(180)

FLIP_ONE_BIT = """
UPDATE es.event
SET data = replace(data::text, '"Demo"', '"Eemo"')::json
WHERE tenant_id = (SELECT tenant_id FROM views.organization) AND seq = 1
"""


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with running_up(tmp_path / "data") as running:
        yield running


async def change_as_superuser(database_url: str) -> str:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET session_replication_role = replica")  # no triggers
        return await connection.execute(FLIP_ONE_BIT)
    finally:
        await connection.close()


def test_an_untouched_log_holds_while_up_runs_and_after_it(up: Up):
    beside = packshot("audit", "verify", "--data", up.data)
    up.stop()
    alone = packshot("audit", "verify", "--data", up.data)

    assert (beside.returncode, alone.returncode) == (0, 0), beside.stderr + alone.stderr
    assert beside.stdout == alone.stdout
    assert "ok" in alone.stdout


def test_the_head_that_the_chain_led_to_is_the_one_that_answers_tell(up: Up):
    log_head = requests.post(
        f"{up.ready['baseUrl']}/api/v1/org/webhook-secret/rotate",
        headers={"x-api-key": up.ready["apiKey"]},
        timeout=20,
    ).headers["x-log-head"]

    as_text = packshot("audit", "verify", "--data", up.data)
    [row] = json.loads(packshot("audit", "verify", "--json", "--data", up.data).stdout)

    assert row["head"] == log_head.rpartition(".")[0]
    assert row["head"] in as_text.stdout


def test_one_flipped_bit_is_found_and_its_place_named(up: Up):
    org_id = up.ready["orgId"]
    assert asyncio.run(change_as_superuser(up.ready["databaseUrl"])) == "UPDATE 1"

    found = packshot("audit", "verify", "--data", up.data)

    assert found.returncode == 1
    assert org_id in found.stdout
    assert "BROKEN at position 1" in found.stdout


def test_a_folder_without_a_database_is_said(tmp_path: Path):
    refused = packshot("audit", "verify", "--data", tmp_path / "nothing")

    assert refused.returncode == 1
    assert "no database" in refused.stderr
