"""Any page may call the API with a key, and with nothing but a key."""

from api.client import Client
from api.photos import red_box

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


def test_preflights_cost_nothing(client: Client) -> None:
    for _ in range(40):
        client.without_key().send("OPTIONS", "/api/v1/process", headers=PREFLIGHT)

    assert client.without_key().get("/api/v1/whoami").status_code == 401


def test_every_answer_of_the_api_may_be_read_by_any_page(client: Client) -> None:
    for answer in (
        client.get("/api/v1/whoami"),
        client.without_key().get("/api/v1/whoami"),
        client.get("/api/v1/nowhere"),
        client.post("/api/v1/process", files={"image": b"no picture"}),
        client.post("/api/v1/process", files={"image": red_box()}, data={"width": "32"}),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = answer.headers["access-control-expose-headers"]
        for name in ("x-request-id", "x-ratelimit-remaining", "x-log-head", "x-output-id"):
            assert name in exposed


def test_pages_beside_the_api_are_not_opened_to_others(client: Client) -> None:
    assert "access-control-allow-origin" not in client.get("/healthz").headers
