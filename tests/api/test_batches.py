"""Batches over HTTP: many pictures in one request, done as one job and told item by item."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from api.client import Client, assert_problem
from api.neighbour import Neighbour
from api.photos import red_box
from packshot.commands.organizations import Created

JOBS = "/api/v1/jobs"
SMALL = {"width": 64, "height": 64}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
FROM_OUTPUT = {"outputId": "out_01m82d4nnsewetr5vq60vbjh5p"}  # which nobody has
FROM_URL = {"imageUrl": "https://example.com/a.jpg"}
NAMES = b",".join(b'"%x":1' % number for number in range(199))
INSIDE = "http://10.0.0.1/a"


@pytest.fixture(scope="module", autouse=True)
def done_by_workers(workers: None) -> Iterator[None]:
    return workers


@pytest.fixture
def output_id(client: Client) -> str:
    """An output to start items from."""
    answer = client.post("/api/v1/process", files={"image": red_box()}, data=SMALL)
    made: str = answer.json()["output"]["outputId"]
    return made


def ask(client: Client, items: list[dict[str, Any]], **shared: Any) -> requests.Response:
    return client.post(JOBS, json={**SMALL, **shared, "items": items})


def waited(client: Client, job_id: str, *, tries: int = 4) -> dict[str, Any]:
    """The job when it has ended."""
    for _ in range(tries):
        job: dict[str, Any] = client.get(f"{JOBS}/{job_id}?wait=15").json()
        if job["status"] not in {"queued", "running"}:
            return job
    raise AssertionError(f"still {job['status']}: {job['progress']}")


def items_of(client: Client, job_id: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """Every item of a job, over all pages."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = client.get(f"{JOBS}/{job_id}/items?limit={limit}&cursor={cursor}").json()
        items += page["data"]
        cursor = page["page"]["nextCursor"]
    return items


def test_a_batch_is_accepted_as_one_job(client: Client, output_id: str) -> None:
    answer = ask(client, [{"outputId": output_id}] * 3, notBefore=TOMORROW)

    job = answer.json()
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{JOBS}/{job['jobId']}"
    assert (job["status"], job["progress"]) == ("queued", {"done": 0, "total": 3})
    assert job["links"]["items"] == f"{JOBS}/{job['jobId']}/items"
    assert "batchId" not in job


def test_a_batch_is_done_item_by_item_each_with_its_own_fields(
    client: Client, output_id: str
) -> None:
    items = [{"outputId": output_id, "width": 70 + n, "sku": f"SKU-{n}"} for n in range(5)]

    job = waited(client, ask(client, items, clientRef="all", margin=0.1).json()["jobId"])

    assert (job["status"], job["progress"]) == ("succeeded", {"done": 5, "total": 5})
    assert [output["width"] for output in job["outputs"]] == [70, 71, 72, 73, 74]
    assert {output["height"] for output in job["outputs"]} == {64}
    told = items_of(client, job["jobId"])
    assert [item["output"] for item in told] == job["outputs"]
    assert [item["sku"] for item in told] == [f"SKU-{n}" for n in range(5)]
    assert {item["clientRef"] for item in told} == {"all"}
    assert all(item["itemId"].startswith("itm_") for item in told)
    assert client.get(job["outputs"][0]["url"]).content.startswith(b"\xff\xd8\xff")


def test_a_batch_of_which_one_picture_is_not_there_is_partial(
    client: Client, output_id: str, neighbour: Neighbour
) -> None:
    neighbour.photos["/broken.jpg"] = red_box()[:900]
    items = [{"outputId": output_id}, {"imageUrl": neighbour.url("/broken.jpg")}]

    job_id = ask(client, items, webhookUrl=neighbour.url("/hooks/batch")).json()["jobId"]

    job = waited(client, job_id)
    assert (job["status"], job["error"]) == ("partial", None)
    listed = client.get(f"{JOBS}?status=partial").json()["data"]
    assert [each["jobId"] for each in listed] == [job_id]
    good, bad = items_of(client, job_id)
    assert (good["status"], good["error"]) == ("succeeded", None)
    assert (bad["status"], bad["output"], bad["error"]["code"]) == (
        "failed", None, "malformed_image",
    )  # fmt: skip
    headers, body = neighbour.wait_for_webhook(job_id)
    secret = client.get("/api/v1/org/webhook-secret").json()["secret"]
    told = Webhook(secret).verify(body, headers)
    assert (told["type"], told["data"]) == ("job.partial", job)


def test_a_batch_of_which_no_picture_is_there_fails(client: Client, neighbour: Neighbour) -> None:
    neighbour.photos["/broken.jpg"] = red_box()[:900]

    answer = ask(client, [{"imageUrl": neighbour.url("/broken.jpg")}] * 2)

    job = waited(client, answer.json()["jobId"])
    assert job["status"] == "failed"
    assert job["error"]["code"] == "all_items_failed"
    assert job["error"]["requestId"] == answer.headers["x-request-id"]


def test_a_retry_does_again_what_did_not_succeed(
    client: Client, output_id: str, neighbour: Neighbour
) -> None:
    neighbour.photos["/mended.jpg"] = red_box()[:900]
    items = [{"outputId": output_id}, {"imageUrl": neighbour.url("/mended.jpg")}]
    job_id = ask(client, items).json()["jobId"]
    first = waited(client, job_id)
    neighbour.photos["/mended.jpg"] = red_box()

    retried = client.post(f"{JOBS}/{job_id}/retry")

    assert (retried.status_code, retried.json()["status"]) == (202, "queued")
    assert retried.json()["outputs"] == first["outputs"]
    job = waited(client, job_id)
    assert (job["status"], job["attempt"]) == ("succeeded", 2)
    assert job["outputs"][0] == first["outputs"][0]


def test_a_cancelled_batch_cancels_its_items(client: Client, output_id: str) -> None:
    job_id = ask(client, [{"outputId": output_id}] * 3, notBefore=TOMORROW).json()["jobId"]

    cancelled = client.post(f"{JOBS}/{job_id}/cancel")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert [item["status"] for item in items_of(client, job_id)] == ["cancelled"] * 3
    assert_problem(client.post(f"{JOBS}/{job_id}/cancel"), 409, "already_terminal")
    client.post(f"{JOBS}/{job_id}/retry")
    assert waited(client, job_id)["status"] == "succeeded"


def test_items_are_told_in_pages(client: Client, output_id: str) -> None:
    items = [{"outputId": output_id, "sku": str(n)} for n in range(7)]
    job_id = ask(client, items, notBefore=TOMORROW).json()["jobId"]

    first = client.get(f"{JOBS}/{job_id}/items?limit=3").json()

    assert [item["sku"] for item in first["data"]] == ["0", "1", "2"]
    assert (first["page"]["from"], first["page"]["to"], first["page"]["total"]) == (1, 3, 7)
    assert [item["sku"] for item in items_of(client, job_id, limit=3)] == [str(n) for n in range(7)]


def test_a_job_of_one_picture_has_one_item(client: Client) -> None:
    job = client.post(JOBS, files={"image": red_box()}, data=SMALL).json()
    ended = waited(client, job["jobId"])

    (item,) = items_of(client, job["jobId"])

    assert item["output"] == ended["outputs"][0]
    assert item["itemId"].removeprefix("itm_") == job["jobId"].removeprefix("job_")


def test_items_are_no_jobs_of_the_list(client: Client, output_id: str) -> None:
    job_id = ask(client, [{"outputId": output_id}] * 3).json()["jobId"]
    ended = waited(client, job_id)

    listed = client.get(f"{JOBS}?since=2026-01-01T00:00:00Z").json()

    assert listed["page"]["total"] == 2  # and the one that made the output
    batch = listed["data"][0]
    assert (batch["jobId"], batch["progress"]) == (job_id, {"done": 3, "total": 3})
    assert batch["outputs"] == []
    item = client.get(f"{JOBS}/{ended['outputs'][0]['jobId']}").json()
    assert (item["batchId"], item["status"]) == (job_id, "succeeded")
    for verb in ("cancel", "retry"):
        problem = assert_problem(
            client.post(f"{JOBS}/{item['jobId']}/{verb}"), 422, "invalid_parameter"
        )
        assert job_id in problem["fix"]


def test_another_organization_sees_nothing_of_a_batch(
    client: Client, globex: Created, output_id: str
) -> None:
    job_id = ask(client, [{"outputId": output_id}], notBefore=TOMORROW).json()["jobId"]
    other = client.with_key(globex.secret)

    theirs, unknown = (
        assert_problem(other.get(f"{JOBS}/{name}/items"), 404, "not_found")
        for name in (job_id, "job_01m82gknkpeax807y0hjx9vems")
    )

    assert theirs | {"requestId": ""} == unknown | {"requestId": ""}
    assert_problem(other.post(f"{JOBS}/{job_id}/cancel"), 404, "not_found")
    assert_problem(other.post(f"{JOBS}/{job_id}/retry"), 404, "not_found")
    assert_problem(ask(other, [{"outputId": output_id}]), 404, "not_found")


def test_a_repeated_batch_has_one_effect(client: Client, output_id: str) -> None:
    body = {**SMALL, "items": [{"outputId": output_id}] * 20}

    def send(_: int) -> requests.Response:
        return requests.post(
            client.base_url + JOBS,
            headers={"x-api-key": client.key or "", "Idempotency-Key": "batch"},
            json=body,
            timeout=20,
        )

    with ThreadPoolExecutor(10) as senders:
        answers = list(senders.map(send, range(30)))

    accepted = [answer for answer in answers if answer.status_code == 202]
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.content for answer in accepted}) == 1
    assert client.get(JOBS).json()["page"]["total"] == 2
    other = client.post(
        JOBS,
        json={**body, "items": [{"outputId": output_id}] * 21},
        headers={"Idempotency-Key": "batch"},
    )
    assert assert_problem(other, 422, "idempotency_key_reused")["changedFields"] == ["items"]


def test_a_thousand_items_are_accepted_and_done(client: Client, output_id: str) -> None:
    items = [{"outputId": output_id, "sku": f"SKU-{n}", "width": 64} for n in range(1000)]

    answer = ask(client, items, priority=9)

    assert answer.status_code == 202, answer.text
    job = waited(client, answer.json()["jobId"], tries=12)
    assert (job["status"], job["progress"]) == ("succeeded", {"done": 1000, "total": 1000})
    assert [output["sku"] for output in job["outputs"]] == [f"SKU-{n}" for n in range(200)]
    told = items_of(client, job["jobId"])
    assert [item["sku"] for item in told] == [f"SKU-{n}" for n in range(1000)]
    assert {item["status"] for item in told} == {"succeeded"}


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ({"width": 5}, "width_out_of_range", "items[1].width"),
        ({"widht": 500}, "unknown_field", "items[1].widht"),
        ({"webhookUrl": "https://example.com"}, "unknown_field", "items[1].webhookUrl"),
        ({"priority": 1}, "unknown_field", "items[1].priority"),
        ({"notBefore": TOMORROW}, "unknown_field", "items[1].notBefore"),
        ({"operation": "process"}, "unknown_field", "items[1].operation"),
        ({"items": []}, "unknown_field", "items[1].items"),
        ({"format": "gif"}, "invalid_parameter", "items[1].format"),
        (
            {"frame": {"targetFill": 3}}, "frame.targetFill_out_of_range",
            "items[1].frame.targetFill",
        ),
        ({"quality": 50, "jpegQuality": 60}, "invalid_parameter", "items[1].quality"),
        ({"inputId": "img_1"}, "invalid_parameter", "items[1].inputId"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_an_item_is_named_with_its_item(
    client: Client, item: dict[str, Any], code: str, param: str
) -> None:
    source = {"imageUrl": "https://example.com/a.jpg"}

    problem = assert_problem(ask(client, [source, source | item]), 422, code)

    assert problem["param"] == param
    assert param.partition(".")[0] in problem["detail"]


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"items": [{}]}, 400, "missing_parameter", "items[0]"),
        ({"items": [FROM_URL | FROM_OUTPUT]}, 400, "ambiguous_input", "items[0]"),
        ({"items": [FROM_OUTPUT]}, 404, "not_found", "items[0].outputId"),
        ({"items": [{"outputId": "nonsense"}]}, 404, "not_found", "items[0].outputId"),
        ({"items": ["https://example.com/a.jpg"]}, 422, "invalid_parameter", "items[0]"),
        ({"items": []}, 422, "invalid_parameter", "items"),
        ({"items": {}}, 422, "invalid_parameter", "items"),
        ({"items": [FROM_OUTPUT] * 1001}, 422, "invalid_parameter", "items"),
        ({"items": [FROM_OUTPUT], **FROM_OUTPUT}, 400, "ambiguous_input", "items"),
        ({"items": [{"imageUrl": INSIDE}]}, 422, "url_not_allowed", "items[0].imageUrl"),
        ({"items": [{"imageUrl": "nonsense"}]}, 422, "url_not_allowed", "items[0].imageUrl"),
        ({"items": [FROM_URL], "webhookUrl": INSIDE}, 422, "url_not_allowed", "webhookUrl"),
    ],
)  # fmt: skip
def test_a_wrong_batch_is_refused(
    client: Client, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    problem = assert_problem(client.post(JOBS, json=body), status, code)

    assert problem["param"] == param
    assert client.get(JOBS).json()["page"]["total"] == 0


def test_every_mistake_of_every_item_is_told_up_to_twenty(client: Client) -> None:
    items = [{"imageUrl": "https://example.com/a", "width": 1, "height": 1}] * 15

    problem = assert_problem(ask(client, items), 422, "width_out_of_range")

    assert len(problem["errors"]) == 20
    assert problem["errors"][-1]["param"] == "items[9].height"


def test_the_address_of_an_item_inside_is_found_among_good_ones(client: Client) -> None:
    good = [{"imageUrl": f"https://93.184.216.{n}/a"} for n in range(1, 100)]

    problem = assert_problem(
        ask(client, [*good, {"imageUrl": "http://169.254.169.254/x"}]), 422, "url_not_allowed"
    )

    assert problem["param"] == "items[99].imageUrl"


@pytest.mark.parametrize(
    "body",
    [
        b'{"items":[{"' + b"k" * 900_000 + b'":{' + NAMES + b"}}]}",
        b'{"items":[' + b"{}," * 300_000 + b"{}]}",
        b'{"items":[' + b"[" * 400_000 + b"]" * 400_000 + b"]}",
        b'{"items":[{' + b'"a":{' * 970 + b'"a":1' + b"}" * 970 + b"}]}",
        rb'{"items":[{"\ud800":1}]}',
        b'{"items":[{"imageUrl":"https://a.b/c","imageUrl":"https://a.b/d"}]}',
    ],
    ids=["long names", "many objects", "deep lists", "deep objects", "surrogate", "twice"],
)  # fmt: skip
def test_a_hostile_batch_is_refused(client: Client, body: bytes) -> None:
    answer = client.post(JOBS, data=body, headers={"content-type": "application/json"})

    assert answer.status_code in {400, 422}, answer.text[:300]
    assert client.get("/healthz").status_code == 200


def test_only_a_batch_may_be_as_large_as_one(client: Client) -> None:
    body = json.dumps({"presetLabel": "x" * 70_000})
    for path, status, code in (
        ("/api/v1/process", 413, "file_too_large"), (JOBS, 422, "invalid_parameter"),
    ):  # fmt: skip
        answer = client.post(path, data=body, headers={"content-type": "application/json"})
        assert_problem(answer, status, code)
    too_large = client.post(
        JOBS, data=b" " * (1024 * 1024 + 1), headers={"content-type": "application/json"}
    )
    assert_problem(too_large, 413, "file_too_large")


def test_items_are_charged_to_the_limit_of_the_organization(client: Client, output_id: str) -> None:
    before = int(client.get("/api/v1/whoami").headers["x-ratelimit-remaining"])

    answer = ask(client, [{"outputId": output_id}] * 500, notBefore=TOMORROW)

    # 51 of them, less what came back meanwhile at 100 a second.
    assert int(answer.headers["x-ratelimit-remaining"]) < before
    assert answer.status_code == 202
