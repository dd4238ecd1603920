"""A worker that is killed in the middle of a catalog loses no page and reads none twice."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from domain.ids import OrgId
from domain.job import Job
from integration.channels.conftest import Trade
from integration.channels.test_catalog_syncs import PAGE, items_told
from services import Database, RunningServices
from shop import Shop

ROOT = Path(__file__).resolve().parents[3]
ATTEMPT = """
import asyncio, os, sys
from domain.ids import JobId, OrgId
from packshot.config import Settings
from packshot.wiring import open_services

async def attempt():
    async with open_services(Settings.read(os.environ), render=False) as services:
        await services.attempts.attempt(OrgId.parse(sys.argv[1]), JobId.parse(sys.argv[2]))

asyncio.run(attempt())
"""


@pytest.fixture
def environ(
    database: Database, servers: RunningServices, shop: Shop, secrets_dir: Path, tmp_path: Path
) -> dict[str, str]:
    """What a worker's process on that database is told; it dies after the second page."""
    return os.environ | {
        "PACKSHOT_DATABASE_URL": database.app_url,
        "PACKSHOT_WRITER_DATABASE_URL": database.writer_url,
        "PACKSHOT_REDIS_URL": servers.redis_url,
        "PACKSHOT_STORAGE_DIR": str(tmp_path),
        "PACKSHOT_SECRETS_DIR": str(secrets_dir),
        "PACKSHOT_ALLOWED_PRIVATE_CIDRS": shop.as_allowed,
        "FAILPOINTS": "catalog.after_page:kill@2",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
    }


async def test_a_worker_killed_between_pages_is_gone_on_with_from_there(
    trade: Trade, shop: Shop, org_id: OrgId, environ: dict[str, str]
) -> None:
    shop.reopen(products=250)
    integration_id = await trade.connected(org_id, shop)
    job_id = await trade.asked(org_id, integration_id)

    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ATTEMPT, str(org_id), str(job_id), env=environ
    )
    await killed.wait()
    pages_before = len(await trade.told(org_id, PAGE))
    async with trade.store.pools.writing() as connection:
        await connection.execute(
            "UPDATE work.job SET lease_until = now() - interval '1 s' WHERE tenant_id = $1",
            org_id.uuid,
        )
    shop.asked.clear()
    await trade.attempts.attempt(org_id, job_id)

    job = await trade.store.load(Job, org_id=org_id, stream_id=job_id.uuid)
    assert (killed.returncode, pages_before) == (-9, 2)
    assert (job.status, job.losses_left) == ("succeeded", 2)
    assert shop.asked == ["GET /catalog?cursor=SKU-0199&limit=100"]
    assert await items_told(trade, org_id) == sorted(shop.products)
