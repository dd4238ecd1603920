"""What the edge does around any endpoint: our own faults, places, drains, idempotency keys."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator

import pytest

from api.client import WITHIN_S, Client, assert_problem
from api.photos import red_box
from api.server import RunningApi, running_api
from api.test_uploads import END, FILE_PART, MULTIPART
from domain.errors import Refusal
from domain.ids import OrgId
from domain.org_limits import OrgLimits
from packshot import app as application
from packshot.commands.organizations import Created
from packshot.config import Settings
from packshot.edge.contract import Access, Call, Endpoint, NoFields, Reply, endpoint
from packshot.edge.credentials import Credentials
from packshot.edge.exchange import Exchange
from packshot.edge.gate import Gate
from packshot.edge.limiter import Limiter
from packshot.edge.places import MOST_AT_ONCE, Places
from packshot.store.keycache import KeyRecord
from packshot.wiring import Services, open_services

SECRET = "the password of the database"


@endpoint("GET", "/api/v1/broken", scope=Access.PUBLIC)
async def broken(_call: Call[NoFields]) -> Reply:
    """Fail in a way that nobody foresaw."""
    raise ZeroDivisionError(SECRET)


@pytest.fixture
async def services(api: RunningApi) -> AsyncIterator[Services]:
    """The services of the running API's database, in this process."""
    async with open_services(api.settings, render=False) as services:
        yield services


async def test_an_unforeseen_fault_is_told_without_its_inside(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "ENDPOINTS", (broken,))
    app = application.create_app(services)

    answer = await app.test_client().get("/api/v1/broken")

    text = (await answer.get_data()).decode()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(text)["code"] == "internal"
    assert json.loads(text)["requestId"] == answer.headers["x-request-id"]
    assert SECRET not in text
    assert "Traceback" not in text


def heavy(cost: float = 1.0) -> Endpoint:
    """An endpoint whose calls hold a place."""
    return endpoint("POST", "/api/v1/heavy", scope=Access.ANY_KEY, cost=cost)(broken.handler)


def exchange_of(org_id: OrgId) -> Exchange:
    exchange = Exchange("POST", "/", "127.0.0.1", Credentials(), None)
    exchange.key = KeyRecord.__new__(KeyRecord)
    object.__setattr__(exchange.key, "org_id", org_id)
    object.__setattr__(exchange.key, "limits", OrgLimits())
    return exchange


async def test_an_organization_holds_sixty_four_places() -> None:
    limiter = Limiter.connect("redis://127.0.0.1:1")
    gate = Gate(keys=None, uses=None, limiter=limiter, places=Places(limiter))  # type: ignore[arg-type]
    acme, globex = OrgId.new(), OrgId.new()
    held = [gate.place(heavy(), exchange_of(acme)) for _ in range(MOST_AT_ONCE)]
    for place in held:
        await place.__aenter__()

    with pytest.raises(Refusal) as refused:
        async with gate.place(heavy(), exchange_of(acme)):
            pass
    async with gate.place(heavy(), exchange_of(globex)), gate.place(heavy(0.1), exchange_of(acme)):
        pass
    await held[0].__aexit__(None, None, None)
    async with gate.place(heavy(), exchange_of(acme)):
        pass

    assert refused.value.code == "concurrency_limited"
    await limiter.close()


@pytest.mark.parametrize("key", ["a", '"a-b"', "8e03978e-40d5-43dd-bc93-6894a57f9324", "k" * 255])
def test_an_idempotency_key_is_accepted(client: Client, key: str) -> None:
    answer = client.post("/api/v1/process", json={}, headers={"idempotency-key": key})

    assert_problem(answer, 400, "missing_parameter")


@pytest.mark.parametrize("key", ["", "k" * 256, "clé".encode(), "a b", '"a b"', '"'])
def test_an_idempotency_key_of_another_form_is_refused(client: Client, key: str) -> None:
    answer = client.post("/api/v1/process", json={}, headers={"idempotency-key": key})

    assert assert_problem(answer, 400, "malformed_request")["param"] == "Idempotency-Key"


def test_told_to_stop_in_the_middle_of_a_render_the_answer_still_comes(
    settings: Settings, acme: Created
) -> None:
    body = FILE_PART + red_box(2000, 1500) + END
    head = (
        "POST /api/v1/process HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        f"x-api-key: {acme.secret}\r\nContent-Type: {MULTIPART['content-type']}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with (
        running_api(settings) as second,
        socket.create_connection(("127.0.0.1", second.port), WITHIN_S) as connection,
    ):
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        os.kill(second.process.pid, signal.SIGTERM)

        answer = b""
        while data := connection.recv(65536):
            answer += data

        assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
        assert second.process.wait(WITHIN_S) == 0


async def test_a_closed_limiter_leaves_nobody_waiting() -> None:
    limiter = Limiter.connect("redis://127.0.0.1:1")
    await limiter.close()

    assert await asyncio.wait_for(limiter.close(), 1) is None
