"""A worker that is killed at any step of a publish loses nothing and does nothing twice."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from domain.ids import OrgId
from domain.publish import Publish
from integration.publishes import dying
from integration.publishes.conftest import SKU, Desk
from packshot import failpoints
from reference_bridge import ROOT, Bridge
from services import RunningServices

# The steps, and what the log says of the publish when the worker died there.
STEPS = {
    "publish.after_plan": "planned",
    "publish.after_start": "uploading",
    "publish.after_remote_before_mark": "uploading",
    "publish.after_mark": "processing",
    "worker.before_done": "live",
}


async def die_at(step: str, desk: Desk, publish: Publish, **told: str) -> None:
    """Run a worker that is killed there."""
    paths = [ROOT / "platform", ROOT, ROOT / "tests"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        Path(dying.__file__),
        json.dumps(
            {
                "database": json.dumps(asdict(desk.database)),
                "job_id": str(publish.job_id),
                "integration_id": str(publish.wish.integration_id),
                **told,
            }
        ),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "FAILPOINTS": f"{step}:kill",
        },
    )
    assert await process.wait() == -signal.SIGKILL


def kept(bridge: Bridge) -> tuple[int, int]:
    """How many pictures the bridge keeps, and how many publishes it has done."""
    with closing(sqlite3.connect(bridge.folder / "store" / "shop.sqlite")) as database:
        row: tuple[int, int] = database.execute(
            "SELECT (SELECT count(*) FROM medium), (SELECT count(*) FROM publish)"
        ).fetchone()
    return row


@pytest.mark.parametrize("step", STEPS)
async def test_a_publish_goes_on_from_where_its_worker_died(
    step: str, desk: Desk, bridge: Bridge, acme: OrgId, servers: RunningServices, tmp_path: Path
) -> None:
    before, (pictures, _) = bridge.item(SKU), kept(bridge)
    publish = await desk.ask(acme, desk.connect(bridge.url))

    await die_at(
        step, desk, publish,
        folder=str(tmp_path), redis_url=servers.redis_url, url=bridge.url, org_id=str(acme),
    )  # fmt: skip
    seen = await desk.find(acme, publish.publish_id)
    done = await desk.work(acme, publish)

    assert seen.status == STEPS[step]
    assert seen.planned is not None
    assert [one["remote_id"] for one in seen.planned.before] == [
        one["remoteId"] for one in before["images"]
    ]
    assert done.status == "live"
    assert kept(bridge) == (pictures + 1, 1)
    # Only where nothing had reached the shop is it told again: else the listing says it.
    assert len(done.attempts) == (2 if step == "publish.after_start" else 1)
    undo = await desk.undo(acme, done)
    assert undo.status == "live"
    assert bridge.item(SKU)["images"] == before["images"]


def test_every_step_of_a_publish_is_one_that_somebody_dies_at() -> None:
    product = Path(failpoints.__file__).parent
    named = {
        name
        for path in product.rglob("*.py")
        for name in re.findall(r"\bfailpoint\(\"(publish\.[a-z_]+)\"\)", path.read_text())
    }

    assert named == {step for step in STEPS if step.startswith("publish.")}
