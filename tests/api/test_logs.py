"""The log: JSON lines without secrets."""

import orjson

from api.client import Client
from api.server import RunningApi
from domain.key_text import KeyText
from packshot.edge.logs import render_redacted


def test_a_key_is_cut_wherever_it_stands() -> None:
    key = KeyText.make("live")
    event = {
        "event": "failed",
        "plain": key.text,
        "nested": {"list": [f"Bearer {key.text}, and more"]},
        "exception": f"ValueError: {key.text[:-3]}",
    }

    line = render_redacted(None, "info", event)

    assert key.text[20:40].encode() not in line
    assert key.prefix.encode() in line
    assert orjson.loads(line)["plain"] == f"{key.prefix}_[redacted]"


def test_what_is_no_key_stays() -> None:
    line = render_redacted(None, "info", {"event": "x", "prefix": "pshot_live_7Qv2Lm81"})

    assert orjson.loads(line)["prefix"] == "pshot_live_7Qv2Lm81"


def test_a_probe_that_succeeds_is_no_news(api: RunningApi, client: Client) -> None:
    for probe in ("/healthz", "/readyz"):
        assert client.get(probe).status_code == 200
    missing = client.get("/api/v1/outputs/none")

    api.log.wait_for(request_id=missing.headers["x-request-id"])
    told = [line for line in api.log.lines if line.get("route") in {"/healthz", "/readyz"}]
    assert [line for line in told if line["status"] == 200] == []
