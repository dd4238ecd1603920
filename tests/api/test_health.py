"""Health: alive, ready, degraded, draining."""

import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from api.client import Client
from api.server import RunningApi, running_api
from packshot.app import STATE, create_app
from packshot.config import Settings
from packshot.wiring import Services, open_services
from services import Database


def test_a_living_process_says_so_without_asking_anybody(client: Client) -> None:
    answer = client.without_key().get("/healthz")

    assert answer.json() == {"status": "ok", "degraded": []}


def test_a_ready_process_says_so(client: Client) -> None:
    answer = client.without_key().get("/readyz")

    assert answer.json() == {"status": "ready", "degraded": []}


@pytest.fixture
async def services(api: RunningApi) -> AsyncIterator[Services]:
    """The services of the running API's database, in this process."""
    async with open_services(api.settings, render=False) as services:
        yield services


async def test_without_valkey_a_process_is_ready_and_degraded(services: Services) -> None:
    lonely = replace(services, settings=replace(services.settings, redis_url="redis://127.0.0.1:1"))
    app = create_app(lonely)
    async with app.test_app() as running:
        client = running.test_client()
        whoami = await client.get("/api/v1/whoami")

        ready = await client.get("/readyz")

    assert whoami.status_code == 401
    assert (ready.status_code, await ready.get_json()) == (
        200,
        {"status": "ready", "degraded": ["limiter"]},
    )


async def test_a_draining_process_is_not_ready(services: Services) -> None:
    app = create_app(services)
    app.extensions[STATE].is_draining = True

    answer = await app.test_client().get("/readyz")

    assert answer.status_code == 503
    assert (await answer.get_json())["code"] == "overloaded"
    assert answer.headers["retry-after"]


async def test_with_a_migration_missing_a_process_is_not_ready(
    services: Services, database: Database
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("DELETE FROM public.packshot_migration")
    await owner.close()
    settings = replace(
        services.settings, database_url=database.app_url, writer_database_url=database.writer_url
    )

    async with open_services(settings, render=False) as behind:
        answer = await create_app(behind).test_client().get("/readyz")

    assert answer.status_code == 503
    assert (await answer.get_json())["retryable"] is True


def test_told_to_stop_a_process_finishes_what_runs(settings: Settings, api: RunningApi) -> None:
    del api  # its database is migrated
    with running_api(settings) as second:
        with socket.create_connection(("127.0.0.1", second.port)) as connection:
            connection.sendall(
                b"POST /api/v1/process HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
            )
            connection.recv(100)
            os.kill(second.process.pid, signal.SIGTERM)
            connection.sendall(b"12345")
        second.process.wait(20)

        assert second.process.returncode == 0
        second.log.wait_for(event="api_stopped")


def test_a_taken_port_is_named(settings: Settings, api: RunningApi) -> None:
    with (
        pytest.raises(AssertionError, match=f"port {api.port} of 127.0.0.1 is in use"),
        running_api(settings, port=api.port),
    ):
        pass


def test_both_loopback_addresses_answer(api: RunningApi) -> None:
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, api.port), 5) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
