"""A worker process that makes one attempt at a publish's job, and dies where it is told to."""

import asyncio
import json
import sys
from pathlib import Path

from domain.ids import IntegrationId, JobId, OrgId
from given import store_of
from integration.publishes.conftest import a_desk
from packshot.store.pool import open_pools
from services import Database


async def attempt(told: dict[str, str]) -> None:
    database = Database(**json.loads(told["database"]))
    async with open_pools(database.app_url, database.writer_url) as pools:
        store = store_of(pools)
        folder = Path(told["folder"])
        async with a_desk(store, database, told["redis_url"], folder=folder) as desk:
            desk.connect(told["url"], IntegrationId.parse(told["integration_id"]))
            await desk.attempts.attempt(OrgId.parse(told["org_id"]), JobId.parse(told["job_id"]))


if __name__ == "__main__":
    asyncio.run(attempt(json.loads(sys.argv[1])))
