"""GET /api/v1/events: public events in order, from any position, waited for, and nothing else."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from api.client import Client, assert_problem
from api.neighbour import Neighbour
from api.photos import red_box
from packshot.commands.organizations import Created
from packshot.commands.public_events import PUBLIC_TYPES
from packshot.store.codec import event_classes
from packshot.wiring import AGGREGATES

PATH = "/api/v1/events"


def events(client: Client, **params: Any) -> dict[str, Any]:
    answer = client.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def rotated(client: Client) -> int:
    """Write something that is no public event and return its position."""
    answer = client.post("/api/v1/org/webhook-secret/rotate")
    return int(answer.headers["x-log-position"])


def made_key(client: Client) -> str:
    answer = client.post("/api/v1/keys", json={"name": "Shop", "scopeSet": "process only"})
    key_id: str = answer.json()["keyId"]
    return key_id


def test_what_happened_is_told_in_order_and_goes_on_after_it(client: Client, acme: Created) -> None:
    key_id = made_key(client)
    client.post(f"/api/v1/keys/{key_id}/revoke", json={"reason": "lost"})
    first = events(client, limit=1)
    rest = events(client, after=first["nextAfter"])

    told = [*first["data"], *rest["data"]]
    assert [one["type"] for one in told] == ["key.created", "key.created", "key.revoked"]
    assert first["hasMore"] is True
    assert rest["hasMore"] is False
    assert events(client, after=rest["nextAfter"])["data"] == []
    assert {one["orgId"] for one in told} == {str(acme.org_id)}
    assert told[-1] == {
        "eventId": told[-1]["eventId"],
        "type": "key.revoked",
        "timestamp": told[-1]["timestamp"],
        "data": told[-1]["data"],
        "orgId": str(acme.org_id),
        "logPosition": rest["nextAfter"],
    }
    assert told[-1]["data"]["keyId"] == key_id
    assert told[-1]["data"]["reason"] == "lost"
    assert told[1]["data"]["revokedAt"] is None  # as it was then


def test_nothing_that_proves_a_key_is_told(client: Client) -> None:
    text = client.get(PATH).text

    for word in ("mac", "pepper", "secret", "meta", "correlation", "requestId"):
        assert word not in text


def test_a_job_is_told_as_its_webhook_tells_it(
    workers: None, client: Client, neighbour: Neighbour
) -> None:
    job = client.post(
        "/api/v1/jobs",
        files={"image": red_box()},
        data={"width": "64", "height": "64", "webhookUrl": neighbour.url("/hook")},
    ).json()
    client.get(f"/api/v1/jobs/{job['jobId']}", params={"wait": 25}, timeout=40)
    _, body = neighbour.wait_for_webhook(job["jobId"])

    told = events(client, types="job.*")["data"]

    assert [one["type"] for one in told] == ["job.queued", "job.started", "job.succeeded"]
    assert [one["data"]["status"] for one in told] == ["queued", "running", "succeeded"]
    hook = json.loads(body)
    assert {name: told[-1][name] for name in hook} == hook


def test_types_are_chosen_by_name_or_by_noun(client: Client) -> None:
    key_id = made_key(client)
    client.post(f"/api/v1/keys/{key_id}/rotate", json={})
    head = rotated(client)

    chosen = events(client, types="key.rotated, job.succeeded")
    none = events(client, types="job.*,publish.drifted")

    assert [one["type"] for one in chosen["data"]] == ["key.rotated"]
    assert (none["data"], none["nextAfter"], none["hasMore"]) == ([], head, False)


def test_who_waits_is_answered_when_something_happens(client: Client) -> None:
    position = rotated(client)
    with ThreadPoolExecutor(1) as threads, requests.Session() as session:
        waiting = threads.submit(
            events, Client(client.base_url, session, client.key), after=position, wait=20
        )
        began = time.monotonic()
        key_id = made_key(client)
        told = waiting.result(15)

    assert [one["data"]["keyId"] for one in told["data"]] == [key_id]
    assert time.monotonic() - began < 15


def test_who_waits_in_vain_is_told_where_to_go_on(client: Client) -> None:
    position = rotated(client)

    told = events(client, after=position, wait=1)

    assert told == {"data": [], "nextAfter": position, "hasMore": False}


def test_another_organization_sees_its_own_events(
    client: Client, acme: Created, globex: Created
) -> None:
    told = client.with_key(globex.secret).get(PATH)

    assert str(acme.key_id) not in told.text
    assert [one["data"]["keyId"] for one in told.json()["data"]] == [str(globex.key_id)]


def test_every_public_type_is_one_of_the_log() -> None:
    topics = {kind.TOPIC for one in AGGREGATES for kind in event_classes(one)}  # type: ignore[attr-defined]

    assert set(PUBLIC_TYPES) <= topics


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"types": "job.exploded"}, "invalid_parameter"),
        ({"types": ""}, "invalid_parameter"),
        ({"types": "*"}, "invalid_parameter"),
        ({"types": "user.registered"}, "invalid_parameter"),
        ({"after": "-1"}, "after_out_of_range"),
        ({"wait": "26"}, "wait_out_of_range"),
        ({"limit": "201"}, "limit_out_of_range"),
        ({"type": "job.*"}, "unknown_field"),
    ],
)
def test_a_wrong_question_is_refused(client: Client, params: dict[str, str], code: str) -> None:
    assert_problem(client.get(PATH, params=params), 422, code)


def test_a_key_is_needed(client: Client) -> None:
    assert_problem(client.without_key().get(PATH), 401, "key_missing")
