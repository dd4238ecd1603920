"""/api/v1/jobs: asked for, waited for, listed, called off, tried again."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from api.client import Client, assert_problem
from api.neighbour import AWAY, Neighbour
from api.photos import red_box
from api.server import RunningApi
from packshot.commands.organizations import Created
from packshot.wiring import open_services

SMALL = {"width": "64", "height": "64"}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
shades = iter(range(200, 256))


@pytest.fixture(scope="module", autouse=True)
def done_by_workers(workers: None) -> Iterator[None]:
    return workers


def ask(client: Client, **fields: str) -> requests.Response:
    """Ask for a job of a small picture."""
    return client.post("/api/v1/jobs", files={"image": red_box()}, data={**SMALL, **fields})


def waited(client: Client, job_id: str) -> dict[str, Any]:
    """The job when it has ended."""
    for _ in range(4):
        job: dict[str, Any] = client.get(f"/api/v1/jobs/{job_id}?wait=10").json()
        if job["status"] not in {"queued", "running"}:
            return job
    raise AssertionError(f"still {job['status']}")


def later(client: Client) -> dict[str, Any]:
    """A job that is not begun before tomorrow."""
    job: dict[str, Any] = ask(client, notBefore=TOMORROW).json()
    return job


def test_a_job_is_accepted_with_its_address_and_its_place_in_the_log(client: Client) -> None:
    answer = ask(client, sku="SKU-1", clientRef="mine", presetLabel="label")

    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/jobs/{job['jobId']}" == job["links"]["self"]
    assert int(answer.headers["x-log-position"]) == 5
    assert (job["status"], job["attempt"], job["outputs"], job["error"]) == ("queued", 0, [], None)
    assert job["progress"] == {"done": 0, "total": 1}
    assert (job["sku"], job["clientRef"], job["presetLabel"]) == ("SKU-1", "mine", "label")


def test_a_job_is_done_and_its_picture_can_be_fetched(client: Client) -> None:
    job = waited(client, ask(client).json()["jobId"])

    (output,) = job["outputs"]
    picture = client.get(output["url"])
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert job["createdAt"] <= job["startedAt"] <= job["finishedAt"]
    assert (output["jobId"], output["width"]) == (job["jobId"], 64)
    assert picture.content.startswith(b"\xff\xd8\xff")


def test_a_wait_ends_when_the_job_does(client: Client) -> None:
    job_id = ask(client, clientRef="waited for").json()["jobId"]

    job = client.get(f"/api/v1/jobs/{job_id}?wait=20").json()

    assert job["status"] == "succeeded"


def test_without_a_wait_the_job_is_told_as_it_is(client: Client) -> None:
    job_id = ask(client, notBefore=TOMORROW, priority="7").json()["jobId"]

    job = client.get(f"/api/v1/jobs/{job_id}").json()

    assert (job["status"], job["priority"], job["postponed"]) == ("queued", 7, None)
    assert job["notBefore"][:10] == TOMORROW[:10]


def test_a_broken_picture_fails_its_job_with_a_problem(client: Client) -> None:
    answer = client.post("/api/v1/jobs", files={"image": red_box()[:900]}, data=SMALL)

    job = waited(client, answer.json()["jobId"])

    assert job["status"] == "failed"
    assert job["outputs"] == []
    assert job["error"]["code"] == "malformed_image"
    assert job["error"]["type"] == "/docs/errors/malformed_image"
    assert job["error"]["requestId"] == answer.headers["x-request-id"]


def test_a_webhook_tells_the_end_signed_with_the_organizations_secret(
    client: Client, neighbour: Neighbour
) -> None:
    url = neighbour.url("/hooks/acme?token=abc")
    secret = client.get("/api/v1/org/webhook-secret").json()["secret"]

    job_id = ask(client, webhookUrl=url).json()["jobId"]

    headers, body = neighbour.wait_for_webhook(job_id)
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == "job.succeeded"
    assert told["data"] == client.get(f"/api/v1/jobs/{job_id}").json()
    assert headers["webhook-id"].startswith("evt_")


def test_a_failed_and_a_cancelled_job_are_told_too(client: Client, neighbour: Neighbour) -> None:
    url = neighbour.url("/hooks/acme")
    broken = client.post(
        "/api/v1/jobs", files={"image": red_box()[:900]}, data={**SMALL, "webhookUrl": url}
    ).json()
    called_off = ask(client, webhookUrl=url, notBefore=TOMORROW).json()
    client.post(f"/api/v1/jobs/{called_off['jobId']}/cancel")

    told = [
        json.loads(neighbour.wait_for_webhook(job["jobId"])[1])["type"]
        for job in (broken, called_off)
    ]
    assert told == ["job.failed", "job.cancelled"]


def test_a_picture_is_fetched_from_its_address_by_the_worker(
    client: Client, neighbour: Neighbour, acme: Created
) -> None:
    url = neighbour.url("/photo.jpg?signature=s3cr3t")

    asked = client.post("/api/v1/jobs", json={"imageUrl": url, "width": 64, "height": 64})
    job = waited(client, asked.json()["jobId"])

    assert job["status"] == "succeeded"
    activity = client.get("/api/v1/activity").text
    assert "s3cr3t" not in activity + json.dumps(job)


def test_a_picture_that_cannot_be_fetched_now_is_tried_again(
    client: Client, neighbour: Neighbour
) -> None:
    job_id = client.post("/api/v1/jobs", json={"imageUrl": neighbour.url(AWAY)}).json()["jobId"]

    until(lambda: neighbour.asked.count(AWAY) >= 2)
    seen: list[dict[str, Any]] = []

    def is_postponed() -> bool:
        seen.append(client.get(f"/api/v1/jobs/{job_id}").json())
        return seen[-1]["postponed"] is not None

    until(is_postponed)
    job = seen[-1]
    assert job["attempt"] >= 2
    assert job["postponed"]["code"] == "url_fetch_failed"
    assert job["notBefore"] is not None


def test_a_picture_that_is_not_there_fails_its_job_at_once(
    client: Client, neighbour: Neighbour
) -> None:
    asked = client.post("/api/v1/jobs", json={"imageUrl": neighbour.url("/nowhere.jpg")})

    job = waited(client, asked.json()["jobId"])

    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert job["error"]["code"] == "url_fetch_failed"


@pytest.mark.parametrize("field", ["imageUrl", "webhookUrl"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x", "http://localhost/x", "http://10.0.0.1/x", "http://[::1]/x",
        "http://169.254.169.254/latest/meta-data", "http://2130706433/x", "http://0177.0.0.1/x",
        "http://[::ffff:127.0.0.1]/x", "https://user:secret@example.com/x", "ftp://example.com/x",
        "http://93.184.216.34:22/x", "file:///etc/passwd", "nonsense",
    ],
)  # fmt: skip
def test_an_address_inside_is_refused_at_once(client: Client, field: str, url: str) -> None:
    body = {"imageUrl": "https://example.com/photo.jpg"} | {field: url}

    problem = assert_problem(client.post("/api/v1/jobs", json=body), 422, "url_not_allowed")

    assert problem["param"] == field
    assert "secret" not in problem["detail"]


def test_a_webhooks_host_that_does_not_resolve_now_is_accepted(client: Client) -> None:
    assert ask(client, webhookUrl="https://no-such-host.invalid/hook").status_code == 202


def test_jobs_are_listed_newest_first_in_pages(client: Client) -> None:
    asked = [later(client)["jobId"] for _ in range(3)]

    first = client.get("/api/v1/jobs?limit=2").json()
    cursor = first["page"]["nextCursor"]
    second = client.get(f"/api/v1/jobs?limit=2&cursor={cursor}").json()

    ids = [job["jobId"] for job in first["data"] + second["data"]]
    assert ids == asked[::-1]
    assert first["page"] == {"from": 1, "to": 2, "total": 3, "nextCursor": cursor}
    assert second["page"] == {"from": 3, "to": 3, "total": 3, "nextCursor": None}


def test_an_organization_without_jobs_has_an_empty_list(client: Client) -> None:
    listed = client.get("/api/v1/jobs").json()

    assert listed == {"data": [], "page": {"from": 0, "to": 0, "total": 0, "nextCursor": None}}


def test_jobs_are_listed_by_status_product_and_time(client: Client) -> None:
    done = ask(client, sku="A").json()["jobId"]
    waited(client, done)
    waiting = ask(client, sku="B", notBefore=TOMORROW).json()["jobId"]

    def ids(query: dict[str, str]) -> list[str]:
        answer = client.get("/api/v1/jobs", params=query)
        return [job["jobId"] for job in answer.json()["data"]]

    assert ids({"status": "succeeded"}) == [done]
    assert ids({"status": "queued"}) == [waiting]
    assert ids({"sku": "A"}) == [done]
    assert ids({"status": "partial"}) == []
    assert ids({"since": TOMORROW}) == []
    assert ids({"since": "2026-01-01T00:00:00Z"}) == [waiting, done]


def test_a_synchronous_request_is_a_job_of_the_list_too(client: Client) -> None:
    made = client.post("/api/v1/process", files={"image": red_box()}, data=SMALL).json()["output"]

    job = client.get(f"/api/v1/jobs/{made['jobId']}").json()

    assert (job["status"], job["outputs"][0]["outputId"]) == ("succeeded", made["outputId"])


def test_a_waiting_job_is_cancelled_and_tried_again(client: Client) -> None:
    job_id = later(client)["jobId"]

    cancelled = client.post(f"/api/v1/jobs/{job_id}/cancel")
    again = client.post(f"/api/v1/jobs/{job_id}/cancel")
    retried = client.post(f"/api/v1/jobs/{job_id}/retry")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert "x-log-head" in cancelled.headers
    assert_problem(again, 409, "already_terminal")
    assert (retried.status_code, retried.json()["status"]) == (202, "queued")
    assert waited(client, job_id)["status"] == "succeeded"


def test_a_job_that_succeeded_is_neither_cancelled_nor_retried(client: Client) -> None:
    job_id = ask(client).json()["jobId"]
    waited(client, job_id)

    for verb in ("cancel", "retry"):
        assert_problem(client.post(f"/api/v1/jobs/{job_id}/{verb}"), 409, "already_terminal")


@pytest.mark.parametrize("job_id", ["job_01m82gknkpeax807y0hjx9vems", "nonsense", "out_1"])
def test_an_unknown_job_is_not_there(client: Client, job_id: str) -> None:
    for answer in (
        client.get(f"/api/v1/jobs/{job_id}"),
        client.post(f"/api/v1/jobs/{job_id}/cancel"),
        client.post(f"/api/v1/jobs/{job_id}/retry"),
    ):
        assert_problem(answer, 404, "not_found")


def test_another_organizations_job_looks_as_an_unknown_one_does(
    client: Client, globex: Created
) -> None:
    job_id = later(client)["jobId"]
    other = client.with_key(globex.secret)

    theirs, unknown = (
        assert_problem(other.get(f"/api/v1/jobs/{name}"), 404, "not_found")
        for name in (job_id, "job_01m82gknkpeax807y0hjx9vems")
    )

    assert theirs | {"requestId": ""} == unknown | {"requestId": ""}
    assert_problem(other.post(f"/api/v1/jobs/{job_id}/cancel"), 404, "not_found")
    assert other.get("/api/v1/jobs").json()["data"] == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"priority": "10"}, "priority_out_of_range"),
        ({"notBefore": "tomorrow"}, "invalid_parameter"),
        ({"notBefore": "2026-11-22T10:00:00"}, "invalid_parameter"),
        ({"notBefore": "2126-01-01T00:00:00Z"}, "invalid_parameter"),
        ({"operation": "compliance"}, "invalid_parameter"),
        ({"operation": "enhance"}, "invalid_parameter"),
        ({"operation": "upscale", "factor": "9"}, "factor_out_of_range"),
        ({"operation": "upscale", "margin": "0.1"}, "unknown_field"),
        ({"factor": "2"}, "unknown_field"),
        ({"items": "[]"}, "invalid_parameter"),
        ({"webHookUrl": "https://example.com"}, "unknown_field"),
        ({"margin": "0.8"}, "margin_out_of_range"),
    ],
)
def test_a_wrong_field_is_refused(client: Client, fields: dict[str, str], code: str) -> None:
    assert_problem(ask(client, **fields), 422, code)


def test_a_job_needs_one_picture(client: Client) -> None:
    none = client.post("/api/v1/jobs", data=SMALL)
    url = "https://example.com/photo.jpg"
    two = ask(client, imageUrl=url)

    assert_problem(none, 415, "unsupported_media_type")
    assert_problem(client.post("/api/v1/jobs", json={}), 400, "missing_parameter")
    assert_problem(two, 400, "ambiguous_input")


@pytest.mark.parametrize("wait", ["-1", "26", "x"])
def test_a_wait_has_bounds(client: Client, wait: str) -> None:
    problem = client.get(f"/api/v1/jobs/{later(client)['jobId']}?wait={wait}").json()

    assert problem["code"] in {"wait_out_of_range", "invalid_parameter"}


def test_a_hundred_duplicates_of_one_request_make_one_job(client: Client) -> None:
    headers = {"Idempotency-Key": "one-effect"}

    def send(_: int) -> requests.Response:
        # A connection of its own each, as so many clients would have.
        return requests.post(
            client.base_url + "/api/v1/jobs",
            headers=headers | {"x-api-key": client.key or ""},
            files={"image": red_box()},
            data=SMALL,
            timeout=20,
        )

    with ThreadPoolExecutor(20) as senders:
        answers = list(senders.map(send, range(100)))

    accepted = [answer for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.content for answer in accepted}) == 1
    assert client.get("/api/v1/jobs").json()["page"]["total"] == 1


def test_respond_async_makes_a_job_of_a_synchronous_request(client: Client) -> None:
    answer = client.post(
        "/api/v1/process",
        files={"image": red_box()},
        data=SMALL,
        headers={"Prefer": "respond-async"},
    )

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['jobId']}"
    assert waited(client, answer.json()["jobId"])["status"] == "succeeded"


def test_a_synchronous_request_fetches_a_picture_and_tells_a_webhook(
    client: Client, neighbour: Neighbour
) -> None:
    fields = {"imageUrl": neighbour.url("/photo.jpg"), "webhookUrl": neighbour.url("/hooks/sync")}

    answer = client.post("/api/v1/process", json={**fields, "width": 64, "height": 64})

    assert answer.status_code == 200, answer.text
    neighbour.wait_for_webhook(answer.json()["output"]["jobId"])


def test_a_synchronous_request_says_why_a_picture_could_not_be_fetched(
    client: Client, neighbour: Neighbour
) -> None:
    answer = client.post("/api/v1/process", json={"imageUrl": neighbour.url("/nothing.jpg")})

    problem = assert_problem(answer, 422, "url_fetch_failed")
    assert "404" in problem["detail"]
    assert problem["param"] == "imageUrl"


@pytest.mark.parametrize("accept", ["application/json", "image/*"])
def test_a_picture_above_24_megapixels_is_made_by_a_worker_and_waited_for(
    client: Client, api: RunningApi, acme: Created, accept: str
) -> None:
    large = red_box(6200, 4000, shade=next(shades))

    answer = client.post(
        "/api/v1/process", files={"image": large}, data=SMALL, headers={"accept": accept}
    )

    assert answer.status_code == 200, answer.text
    job = client.get("/api/v1/jobs?limit=1").json()["data"][0]
    assert what_happened(api, acme) == [
        "job.requested.v1", "job.queued.v1", "job.started.v1", "job.succeeded.v1",
    ]  # fmt: skip
    assert int(answer.headers["x-log-position"]) == 5
    if accept == "image/*":
        assert answer.content.startswith(b"\xff\xd8\xff")
    else:
        assert answer.json()["output"]["jobId"] == job["jobId"]


def test_a_large_picture_with_an_idempotency_key_is_answered_alike_twice(client: Client) -> None:
    large = red_box(6200, 4000, shade=next(shades))

    first, second = (
        client.post(
            "/api/v1/process",
            files={"image": large},
            data=SMALL,
            headers={"Idempotency-Key": "large"},
        )
        for _ in range(2)
    )

    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"


def test_a_large_broken_picture_is_refused_as_a_small_one_is(client: Client) -> None:
    large = red_box(6200, 4000, shade=next(shades))
    middle = len(large) // 2
    broken = large[:middle] + b"\xff\xd9" * 200 + large[middle + 400 :]

    answer = client.post("/api/v1/process", files={"image": broken}, data=SMALL)

    assert_problem(answer, 422, "malformed_image")


def what_happened(api: RunningApi, acme: Created) -> list[str]:
    """The types of the organization's events after its founding."""

    async def read() -> list[str]:
        async with open_services(api.settings, render=False) as services:
            return [event.type for event in await services.store.read(acme.org_id, after=3)]

    return asyncio.run(read())


def until(is_so: Any) -> None:
    """Look again and again until something holds."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "never"
