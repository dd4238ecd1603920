"""/api/v1/publishes: planned, carried out, looked at, taken back."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from api.client import Client, assert_problem
from api.photos import red_box
from packshot.commands.organizations import Created
from shop import Handler, Shop

PATH = "/api/v1/publishes"
SKU = "SKU-0001"
UNKNOWN = "pub_01m82d4nnsewetr5vq60vbjh5p"
margins = iter(range(1, 200))


@pytest.fixture(scope="module", autouse=True)
def done_by_workers(workers: None) -> Iterator[None]:
    return workers


@pytest.fixture
def shop(shop_server: Shop) -> Shop:
    """A shop of three products."""
    shop_server.reopen(products=3)
    return shop_server


@pytest.fixture
def integration_id(client: Client, shop: Shop) -> str:
    """A connection to that shop."""
    answer = client.post(
        "/api/v1/integrations",
        json={
            "kind": "amazon-bridge",
            "name": "Our shop",
            "settings": {"url": shop.url},
            "credentials": {"secret": shop.secret},
        },
    )
    assert answer.status_code == 201, answer.text
    told: str = answer.json()["integrationId"]
    return told


@pytest.fixture
def output_id(client: Client) -> str:
    """An output that nobody has published yet."""
    return an_output(client, side=600)


def an_output(client: Client, *, side: int, **fields: str) -> str:
    """Another output of the same photo."""
    data = {"width": f"{side}", "height": f"{side}", "margin": f"{next(margins)}px", **fields}
    answer = client.post("/api/v1/process", files={"image": red_box()}, data=data)
    told: str = answer.json()["output"]["outputId"]
    return told


@pytest.fixture
def body(output_id: str, integration_id: str) -> dict[str, Any]:
    """A publish to the main place of a listing."""
    return {"outputId": output_id, "integrationId": integration_id, "target": {"sku": SKU}}


def ended(client: Client, asked: requests.Response) -> dict[str, Any]:
    """The publish once its job has ended."""
    assert asked.status_code == 202, asked.text
    job_id = asked.json()["jobId"]
    for _ in range(3):
        job = client.get(f"/api/v1/jobs/{job_id}", params={"wait": 20}, timeout=30).json()
        if job["finishedAt"]:
            break
    publish: dict[str, Any] = client.get(asked.headers["location"]).json()
    return publish


def test_a_publish_is_accepted_with_its_address_and_its_place_in_the_log(
    client: Client, acme: Created, body: dict[str, Any]
) -> None:
    answer = client.post(PATH, json=body)

    publish = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{PATH}/{publish['publishId']}"
    assert answer.headers["x-log-head"].startswith(answer.headers["x-log-position"] + ".")
    assert publish["status"] == "queued"
    assert publish["actor"] == {"type": "key", "id": str(acme.key_id)}
    assert publish["target"] == {"sku": SKU, "productId": None, "slot": None, "position": None}
    assert publish["before"] is None


def test_a_publish_is_carried_out_seen_and_taken_back(
    client: Client, shop: Shop, body: dict[str, Any]
) -> None:
    before = shop.products[SKU]["images"]

    publish = ended(client, client.post(PATH, json=body))

    (old,), (new,) = publish["before"]["images"], publish["after"]["images"]
    assert publish["status"] == "live"
    assert (old["remoteId"], old["url"]) == (before[0]["remoteId"], shop.url + before[0]["url"])
    assert (new["outputId"], new["remoteId"]) == (body["outputId"], publish["remote"]["remoteId"])
    assert [(one["attempt"], one["outcome"]) for one in publish["attempts"]] == [(1, "live")]
    seen = client.post(f"{PATH}/{publish['publishId']}/verify")
    assert (seen.status_code, seen.json()["verdict"]) == (200, "matches")

    undo = ended(client, client.post(f"{PATH}/{publish['publishId']}/rollback"))

    undone = client.get(f"{PATH}/{publish['publishId']}").json()
    assert (undo["status"], undo["undoOf"]) == ("live", publish["publishId"])
    assert (undone["status"], undone["undoneBy"]) == ("rolled_back", undo["publishId"])
    assert shop.products[SKU]["images"] == before
    assert_problem(client.post(f"{PATH}/{publish['publishId']}/rollback"), 409, "already_terminal")


def test_a_dry_run_answers_the_plan_and_writes_nothing(
    client: Client, shop: Shop, body: dict[str, Any]
) -> None:
    before = dict(shop.products)

    answer = client.post(PATH, json={**body, "dryRun": True})

    plan = answer.json()
    assert answer.status_code == 200, answer.text
    assert "x-log-position" not in answer.headers
    (step,) = plan["steps"]
    assert (step["op"], step["slot"]) == ("upload", "main")
    assert step["before"]["remoteId"] == shop.products[SKU]["images"][0]["remoteId"]
    assert step["after"]["url"] == f"/api/v1/outputs/{body['outputId']}/content"
    assert plan["baseDigest"] == shop.products[SKU]["digest"]
    assert (plan["issues"], plan["pixels"]) == ([], {"diffUrl": None})
    assert (plan["compliance"]["channel"], plan["compliance"]["slot"]) == ("amazon", "main")
    assert shop.products == before
    assert client.get(PATH).json()["page"]["total"] == 0


def test_a_picture_that_breaks_a_required_rule_is_blocked_where_that_is_asked_for(
    client: Client, body: dict[str, Any]
) -> None:
    # As the rules' own fix makes it: little room around the product, and no shadow.
    mending = {"frame.targetFill": "0.88", "shadow.mode": "none", "format": "png"}
    mended = an_output(client, side=1600, **mending)
    passed = client.post(PATH, json={**body, "outputId": mended, "requireCompliance": "block"})
    assert ended(client, passed)["status"] == "live"
    body = {**body, "outputId": an_output(client, side=400)}  # Amazon wants 500

    blocked = client.post(PATH, json={**body, "requireCompliance": "block"})

    problem = assert_problem(blocked, 422, "compliance_failed")
    assert "size.longest_side_min" in problem["allowed"]["rules"]
    assert client.get(PATH).json()["page"]["total"] == 1
    warned = client.post(PATH, json={**body, "requireCompliance": "warn"})
    assert warned.json()["compliance"]["verdict"] == "fail"
    assert ended(client, warned)["status"] == "live"


def test_the_plan_that_was_approved_is_the_one_that_is_carried_out(
    client: Client, shop: Shop, body: dict[str, Any]
) -> None:
    plan = client.post(PATH, json={**body, "dryRun": True}).json()
    shop.put(SKU, images=[{**shop.products[SKU]["images"][0], "remoteId": "img_other"}])

    publish = ended(client, client.post(PATH, json={**body, "baseDigest": plan["baseDigest"]}))

    assert publish["status"] == "drifted"
    assert [image["remoteId"] for image in publish["found"]] == ["img_other"]
    again = client.post(PATH, json={**body, "baseDigest": plan["baseDigest"], "dryRun": True})
    assert_problem(again, 409, "publish_drifted")


def test_a_publish_tells_its_plan_once_it_has_one(
    client: Client, shop: Shop, body: dict[str, Any]
) -> None:
    publish = ended(client, client.post(PATH, json=body))

    diff = client.get(f"{PATH}/{publish['publishId']}/diff").json()

    assert [step["op"] for step in diff["steps"]] == ["upload"]
    assert diff["before"] == publish["before"]["images"]
    assert [image["outputId"] for image in diff["after"]] == [body["outputId"]]
    assert diff["item"]["sku"] == SKU


def test_a_listing_that_vanished_fails_the_publish_which_can_be_retried(
    client: Client, shop: Shop, body: dict[str, Any]
) -> None:
    publish = ended(client, client.post(PATH, json={**body, "target": {"sku": "NEW"}}))
    assert (publish["status"], publish["error"]["code"]) == ("failed", "channel_rejected")
    assert_problem(client.get(f"{PATH}/{publish['publishId']}/diff"), 409, "version_conflict")
    shop.put("NEW")

    retried = ended(client, client.post(f"{PATH}/{publish['publishId']}/retry"))

    assert retried["status"] == "live"
    assert_problem(client.post(f"{PATH}/{publish['publishId']}/retry"), 409, "already_terminal")


def test_publishes_are_listed_newest_first_and_filtered(
    client: Client, body: dict[str, Any], integration_id: str
) -> None:
    live = ended(client, client.post(PATH, json=body))
    failed = ended(client, client.post(PATH, json={**body, "target": {"sku": "GONE"}}))

    def listed(**params: Any) -> tuple[list[str], int]:
        told = client.get(PATH, params=params).json()
        return [one["publishId"] for one in told["data"]], told["page"]["total"]

    assert listed() == ([failed["publishId"], live["publishId"]], 2)
    assert listed(status="live") == ([live["publishId"]], 1)
    assert listed(status="drifted") == ([], 0)
    assert listed(integrationId=integration_id)[1] == 2
    assert listed(integrationId="int_01m82d4nnsewetr5vq60vbjh5p") == ([], 0)
    first = client.get(PATH, params={"limit": 1}).json()
    second = client.get(PATH, params={"cursor": first["page"]["nextCursor"]}).json()
    assert [one["publishId"] for one in second["data"]] == [live["publishId"]]
    assert second["page"] == {"from": 2, "to": 2, "total": 2, "nextCursor": None}


def test_a_repeat_with_the_same_key_is_the_same_publish(
    client: Client, body: dict[str, Any]
) -> None:
    headers = {"idempotency-key": "once"}
    first, second = (client.post(PATH, json=body, headers=headers) for _ in range(2))

    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert client.get(PATH).json()["page"]["total"] == 1
    publish = ended(client, first)
    undo = f"{PATH}/{publish['publishId']}/rollback"
    undone = [client.post(undo, headers=headers).json()["publishId"] for _ in range(2)]
    assert undone[0] == undone[1]


def test_another_organizations_publish_output_and_shop_are_unknown(
    client: Client, globex: Created, body: dict[str, Any]
) -> None:
    publish_id = client.post(PATH, json=body).json()["publishId"]
    stranger = client.with_key(globex.secret)

    for method, path in (
        ("GET", ""), ("GET", "/diff"),
        ("POST", "/rollback"), ("POST", "/retry"), ("POST", "/verify"),
    ):  # fmt: skip
        for one in (publish_id, UNKNOWN, "pub_1"):
            problem = assert_problem(stranger.send(method, f"{PATH}/{one}{path}"), 404, "not_found")
            assert problem["detail"] == "There is no such publish."
    assert_problem(stranger.post(PATH, json=body), 404, "not_found")
    assert_problem(stranger.post(PATH, json={**body, "dryRun": True}), 404, "not_found")
    assert stranger.get(PATH).json()["page"]["total"] == 0


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"outputId": None}, 400, "missing_parameter", "outputId"),
        ({"integrationId": None}, 400, "missing_parameter", "integrationId"),
        ({"target": None}, 400, "missing_parameter", "target.sku"),
        ({"target": {"sku": "A", "productId": "B"}}, 422, "invalid_parameter", "target.productId"),
        ({"target": {"sku": "A", "slot": "side"}}, 422, "invalid_parameter", "target.slot"),
        ({"target": {"sku": "A", "slot": "main", "position": 1}}, 422, "invalid_parameter",
         "target.position"),
        ({"target": {"sku": "A", "position": 10}}, 422, "target.position_out_of_range",
         "target.position"),
        ({"target": {"sku": "A", "slot": "main"}, "mode": "append"}, 422, "invalid_parameter",
         "target.slot"),
        ({"target": {"sku": "A", "variantId": "1"}}, 422, "invalid_parameter", "target.variantId"),
        ({"mode": "swap"}, 422, "invalid_parameter", "mode"),
        ({"dryRun": "maybe"}, 422, "invalid_parameter", "dryRun"),
        ({"requireCompliance": "yes"}, 422, "invalid_parameter", "requireCompliance"),
        ({"items": [{}]}, 422, "invalid_parameter", "items"),
        ({"shop": "x"}, 422, "unknown_field", "shop"),
        ({"outputId": "out_1"}, 404, "not_found", "outputId"),
        ({"integrationId": "int_1"}, 404, "not_found", None),
        ({"target": {"sku": SKU, "position": 9}, "dryRun": True}, 422, "invalid_parameter",
         "target.position"),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_refused_with_its_place(
    client: Client,
    body: dict[str, Any],
    change: dict[str, Any],
    status: int,
    code: str,
    param: str | None,
) -> None:
    answer = client.post(PATH, json={**body, **change})

    assert_problem(answer, status, code)
    assert answer.json().get("param") == param
    assert client.get(PATH).json()["page"]["total"] == 0


def test_a_shop_that_was_disconnected_takes_nothing_more_and_its_publishes_stay(
    client: Client, body: dict[str, Any], integration_id: str
) -> None:
    publish = ended(client, client.post(PATH, json=body))

    gone = client.send("DELETE", f"/api/v1/integrations/{integration_id}")

    assert gone.status_code < 300, gone.text
    assert_problem(client.post(PATH, json=body), 404, "not_found")
    assert_problem(client.post(f"{PATH}/{publish['publishId']}/rollback"), 404, "not_found")
    assert client.get(f"{PATH}/{publish['publishId']}").json()["status"] == "live"


@pytest.mark.parametrize("body_said", [b"<!doctype html>", b"{}"])
def test_a_dry_run_at_a_shop_that_does_not_answer_as_one_is_a_502(
    client: Client, shop: Shop, body: dict[str, Any], body_said: bytes
) -> None:
    shop.faults.append(lambda handler: handler.say(200, body_said))

    answer = client.post(PATH, json={**body, "dryRun": True})

    assert_problem(answer, 502, "channel_unreachable")


def test_an_undo_of_a_listing_that_somebody_changed_is_refused(
    client: Client, shop: Shop, body: dict[str, Any]
) -> None:
    publish = ended(client, client.post(PATH, json=body))
    shop.put(SKU)

    refused = client.post(f"{PATH}/{publish['publishId']}/rollback")
    seen = client.post(f"{PATH}/{publish['publishId']}/verify")

    assert_problem(refused, 409, "publish_drifted")
    assert (seen.json()["verdict"], seen.json()["status"]) == ("differs", "drifted")
    assert int(seen.headers["x-log-position"]) > 0


def test_a_publish_that_is_unknown_says_so_and_a_look_settles_it(
    client: Client, shop: Shop, body: dict[str, Any]
) -> None:
    shop.faults += [Handler.serve, Handler.serve, Handler.vanish]

    publish = ended(client, client.post(PATH, json=body))

    outcomes = [one["outcome"] for one in publish["attempts"]]
    assert (publish["status"], outcomes) == ("live", ["live"])
    assert len(shop.published) == 1


def test_the_job_of_a_publish_is_not_changed_alone(client: Client, body: dict[str, Any]) -> None:
    publish = ended(client, client.post(PATH, json={**body, "target": {"sku": "GONE"}}))
    job = publish["links"]["job"]

    for verb in ("retry", "cancel"):
        problem = assert_problem(client.post(f"{job}/{verb}"), 422, "invalid_parameter")
        assert publish["publishId"] in problem["detail"]
    told = client.get(job).json()
    assert (told["operation"], told["status"], told["outputs"]) == ("publish", "failed", [])
