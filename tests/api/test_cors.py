"""Any page may call the API with a key, and with nothing but a key."""

import pytest

from api.client import Client, exchange_raw
from api.photos import red_box
from api.server import RunningApi

PREFLIGHT = {
    "origin": "https://shop.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "x-api-key",
}


def test_a_preflight_is_answered_without_a_key(client: Client) -> None:
    answer = client.without_key().send("OPTIONS", "/api/v1/process", headers=PREFLIGHT)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"]
    for name in ("x-api-key", "authorization", "content-type", "idempotency-key", "prefer"):
        assert name in allowed
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("//api/v1/whoami", b"401"),
        ("///api/v1/nowhere", b"404"),
        ("/api//v1/whoami", b"404"),
        ("/api", b"404"),
    ],
)
def test_a_slash_too_many_or_too_few_hides_no_answer_from_a_page(
    api: RunningApi, path: str, status: bytes
) -> None:
    line = f"{path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\nOrigin: https://shop.example\r\n"
    preflight = f"OPTIONS {line}Access-Control-Request-Method: GET\r\n\r\n"
    request = f"GET {line}Accept: text/html\r\n\r\n"

    asked = exchange_raw(api.port, preflight.encode())
    answer = exchange_raw(api.port, request.encode())

    assert asked.startswith(b"HTTP/1.1 204 ")
    assert b"access-control-allow-methods: " in asked
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"access-control-allow-origin: *" in answer
    assert b"content-type: application/problem+json" in answer


def test_preflights_cost_nothing(client: Client) -> None:
    for _ in range(40):
        client.without_key().send("OPTIONS", "/api/v1/process", headers=PREFLIGHT)

    assert client.without_key().get("/api/v1/whoami").status_code == 401


def test_every_answer_of_the_api_may_be_read_by_any_page(client: Client) -> None:
    for answer in (
        client.get("/api/v1/whoami"),
        client.without_key().get("/api/v1/whoami"),
        client.get("/api/v1/nowhere"),
        client.get("/api"),
        client.post("/api/v1/process", files={"image": b"no picture"}),
        client.post("/api/v1/process", files={"image": red_box()}, data={"width": "32"}),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = answer.headers["access-control-expose-headers"]
        for name in ("x-request-id", "x-ratelimit-remaining", "x-log-head", "x-output-id"):
            assert name in exposed


def test_pages_beside_the_api_are_not_opened_to_others(client: Client) -> None:
    assert "access-control-allow-origin" not in client.get("/healthz").headers
