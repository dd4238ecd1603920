"""Load shedding, with real requests: too many in flight, and a queue that does not move."""

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import asyncpg
import pytest
import requests

from api.client import WITHIN_S, Client, assert_problem, exchange_raw
from api.photos import red_box
from api.running import found
from api.server import RunningApi, running_api
from packshot.config import Settings
from services import Database

PHOTO = {"image": red_box()}
SMALL = {"width": "64", "height": "64"}


@pytest.fixture
def small(settings: Settings, database: Database) -> Iterator[RunningApi]:
    """An API that answers one request at a time, on a database that nobody works for."""
    small = replace(
        settings,
        database_url=database.app_url,
        writer_database_url=database.writer_url,
        projector_database_url=database.projector_url,
        most_in_flight=1,
    )
    with running_api(small) as running:
        yield running


def client_of(api: RunningApi, name: str) -> Client:
    return Client(api.base_url, requests.Session(), found(api.settings, name).secret)


def age_jobs(database: Database, seconds: int) -> None:
    """Let every job have waited for so long."""

    async def age() -> None:
        owner = await asyncpg.connect(database.owner_url)
        await owner.execute(
            "UPDATE work.job SET due_at = now() - make_interval(secs => $1)", seconds
        )
        await owner.close()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, age()).result()


def test_one_request_too_many_is_refused_before_its_body_is_sent(small: RunningApi) -> None:
    client = client_of(small, "Acme")
    head = (
        "POST /api/v1/process HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        f"x-api-key: {client.key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", small.port), WITHIN_S) as first:
        first.sendall(head)
        assert first.recv(1000).startswith(b"HTTP/1.1 100 ")  # it is under way

        refused = client.get("/api/v1/whoami")
        second = exchange_raw(small.port, head)
        health = client.get("/healthz")
        first.sendall(b"{}")
        answer = first.recv(65536)

    assert_problem(refused, 503, "overloaded")
    assert refused.headers["retry-after"] == "2"
    assert b"HTTP/1.1 503 " in second  # although nothing of its body ever came
    assert health.status_code == 200
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert client.get("/api/v1/whoami").status_code == 200


def test_an_organization_whose_jobs_wait_too_long_can_ask_for_no_more(
    small: RunningApi, database: Database
) -> None:
    acme, globex = client_of(small, "Acme"), client_of(small, "Globex")
    job = acme.post("/api/v1/jobs", files=PHOTO, data=SMALL)
    assert job.status_code == 202, job.text
    age_jobs(database, 61)

    def refused() -> requests.Response:
        # What was looked up before the jobs aged is believed for a second.
        while (answer := acme.post("/api/v1/jobs", files=PHOTO, data=SMALL)).status_code == 202:
            age_jobs(database, 61)
        return answer

    answer = refused()

    assert_problem(answer, 503, "overloaded")
    assert int(answer.headers["retry-after"]) == 10
    assert acme.post("/api/v1/process", files=PHOTO, data=SMALL).status_code == 200
    assert acme.get(f"/api/v1/jobs/{job.json()['jobId']}").status_code == 200
    assert globex.post("/api/v1/jobs", files=PHOTO, data=SMALL).status_code == 202


def test_a_job_for_later_does_not_wait(small: RunningApi, database: Database) -> None:
    acme = client_of(small, "Acme")
    later = {**SMALL, "notBefore": "2026-12-01T00:00:00Z"}
    for _ in range(2):
        answer = acme.post("/api/v1/jobs", files=PHOTO, data=later)
        assert answer.status_code == 202, answer.text
        age_jobs(database, 3600)
