"""The Postman collection as a stranger uses it: fetched, given a key and a photo, run."""

from pathlib import Path

import pytest
import requests

from api.photos import red_box
from api.server import RunningApi
from newman import run_collection
from packshot.app import ENDPOINTS
from packshot.commands.organizations import Created

DONE = {200, 201, 202}
# What a newcomer runs first has to work, not only to answer as documented.
WORKS = (
    "POST /api/v1/process",
    "POST /api/v1/jobs",
    "GET /api/v1/jobs/:jobId",
    "GET /api/v1/jobs/:jobId/events",
    "GET /api/v1/outputs/:outputId",
    "GET /api/v1/outputs/:outputId/content",
    "GET /api/v1/whoami",
    "POST /api/v1/keys",
    "PATCH /api/v1/keys/:keyId",
    "POST /api/v1/keys/:keyId/rotate",
    "POST /api/v1/keys/:keyId/revoke",
)


@pytest.mark.usefixtures("workers")
def test_the_collection_runs_from_top_to_bottom(
    api: RunningApi, acme: Created, tmp_path: Path
) -> None:
    answer = requests.get(f"{api.base_url}/api/v1/postman", timeout=20)
    (tmp_path / "collection.json").write_bytes(answer.content)
    (tmp_path / "photo.jpg").write_bytes(red_box(1200, 900))

    run = run_collection(
        tmp_path / "collection.json",
        working_dir=tmp_path,
        baseUrl=api.base_url,
        apiKey=acme.secret,
        imageFile=str(tmp_path / "photo.jpg"),
    )

    assert run.failures == []
    assert len(run.statuses) == len(ENDPOINTS)
    assert {name: status for name, status in run.statuses.items() if not 0 < status < 500} == {}
    assert {name for name in WORKS if run.statuses[name] not in DONE} == set()
