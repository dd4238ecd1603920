"""One effect however often a POST is sent with its key, and the same answer each time."""

import asyncio
import json
import random
import socket
from io import BytesIO
from typing import Any

import pytest
import redis
import requests
from PIL import Image

from api.client import Client, assert_problem
from api.duplicates import (
    RawAnswer,
    events_of,
    jobs_in,
    let_pass,
    prepared,
    send_at_once,
    states,
    until_states,
)
from api.photos import red_box
from api.server import RunningApi
from packshot.commands.organizations import Created
from packshot.edge.limiter import in_own_database
from services import RunningServices

PROCESS = "/api/v1/process"
SMALL = {"width": "64", "height": "64"}
PHOTO = red_box(80, 60)


def post(client: Client, key: str = "order-7", **options: Any) -> requests.Response:
    """The request of these tests, with its key."""
    headers = {"idempotency-key": key} | options.pop("headers", {})
    options = {"files": {"image": PHOTO}, "data": SMALL} | options
    return client.post(PROCESS, headers=headers, **options)


def history(api: RunningApi, org: Created) -> list[str]:
    """The jobs of the organization."""
    return jobs_in(asyncio.run(events_of(api.settings, org.org_id)))


def assert_repeated(answer: requests.Response, first: requests.Response) -> None:
    """Check that an answer is the first one again, and says so."""
    assert (answer.status_code, answer.content) == (first.status_code, first.content)
    for name in ("content-type", "x-log-position", "x-log-head", "x-output-id", "x-recipe-hash"):
        assert answer.headers.get(name) == first.headers.get(name), name
    assert answer.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert answer.headers["x-request-id"] != first.headers["x-request-id"]


def test_a_repeat_is_answered_as_the_first_and_done_once(
    client: Client, api: RunningApi, acme: Created
) -> None:
    first = post(client)

    again = post(client)

    assert first.status_code == 200, first.text
    assert_repeated(again, first)
    assert len(history(api, acme)) == 1


@pytest.mark.parametrize("repeat", ['"order-7"', "order-7"])
def test_a_quoted_key_is_the_bare_one(client: Client, repeat: str) -> None:
    first = post(client, "order-7")

    assert_repeated(post(client, repeat), first)


def test_a_quoted_key_may_escape_what_a_bare_one_holds(client: Client) -> None:
    first = post(client, 'a"b\\c')

    assert_repeated(post(client, '"a\\"b\\\\c"'), first)


def test_an_answer_of_bytes_is_repeated(client: Client, api: RunningApi, acme: Created) -> None:
    first = post(client, headers={"accept": "image/jpeg"})

    again = post(client, headers={"accept": "image/*"})

    assert Image.open(BytesIO(again.content)).size == (64, 64)
    assert again.headers["etag"] == first.headers["etag"]
    assert_repeated(again, first)
    assert len(history(api, acme)) == 1


def test_bytes_that_are_lost_are_not_there_to_repeat(
    client: Client, api: RunningApi, acme: Created
) -> None:
    first = post(client, headers={"accept": "image/jpeg"})
    sha256 = first.headers["etag"].strip('"')
    blobs = api.settings.storage_dir / "blobs" / str(acme.org_id)
    (blobs / sha256[:2] / sha256).unlink()

    again = post(client, headers={"accept": "image/jpeg"})

    assert_problem(again, 404, "not_found")


def test_parts_in_another_order_with_another_boundary_are_the_same_request(
    client: Client,
) -> None:
    first = post(client, data={"width": "64", "height": "64", "sku": "A"})

    again = post(client, data={"sku": "A", "height": "64", "width": "64"})

    assert_repeated(again, first)


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"data": SMALL | {"width": "65"}}, ["width"]),
        ({"data": SMALL | {"sku": "B"}}, ["sku"]),
        ({"data": {"width": "64"}}, ["height"]),
        ({"files": {"image": red_box(81, 60)}}, ["image"]),
        ({"files": {"image": red_box(81, 60)}, "data": {"sku": "B"}},
         ["height", "image", "sku", "width"]),
        ({"headers": {"accept": "image/*"}}, ["accept"]),
    ],
)  # fmt: skip
def test_another_request_with_the_key_is_refused_and_told_what_differs(
    client: Client, api: RunningApi, acme: Created, changed: dict[str, Any], fields: list[str]
) -> None:
    first = post(client)

    refused = post(client, **changed)

    problem = assert_problem(refused, 422, "idempotency_key_reused")
    assert problem["changedFields"] == fields
    assert_repeated(post(client), first)
    assert len(history(api, acme)) == 1


def test_two_organizations_with_the_same_key_do_not_meet(client: Client, globex: Created) -> None:
    ours = post(client)

    theirs = post(client.with_key(globex.secret), data=SMALL | {"sku": "other"})

    assert theirs.status_code == 200
    assert "idempotency-replayed" not in theirs.headers
    assert theirs.json()["output"]["outputId"] != ours.json()["output"]["outputId"]


def test_a_picture_that_is_refused_is_refused_again_with_the_same_words(client: Client) -> None:
    first = post(client, files={"image": b"no picture"})

    again = post(client, files={"image": b"no picture"})

    assert first.json()["code"] == "unsupported_image_format"
    assert first.headers["content-type"] == "application/problem+json"
    assert_repeated(again, first)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"data": {"width": "5"}}, "width_out_of_range"),
        ({"data": {"wdith": "64"}}, "unknown_field"),
        ({"files": {"note": (None, "no picture")}}, "unknown_field"),
        ({"files": None, "data": None}, "missing_parameter"),
        ({"files": None, "data": None, "json": {}}, "missing_parameter"),
    ],
)
def test_a_request_whose_words_are_wrong_does_not_use_up_its_key(
    client: Client, wrong: dict[str, Any], code: str
) -> None:
    refused = post(client, **wrong)
    assert refused.json()["code"] == code

    mended = post(client)

    assert mended.status_code == 200
    assert "idempotency-replayed" not in mended.headers


def test_a_repeat_needs_a_valid_key_too(client: Client) -> None:
    post(client)

    assert_problem(post(client.without_key()), 401, "key_missing")


@pytest.mark.parametrize(
    "header", ["", '"', '""', "a b", "ä".encode().decode("latin-1"), "x" * 256, '"a', '"\\a"']
)
def test_a_key_that_is_none_is_refused(client: Client, header: str) -> None:
    problem = assert_problem(post(client, header), 400, "malformed_request")

    assert problem["param"] == "Idempotency-Key"


def test_an_answer_is_gone_after_its_day(client: Client, api: RunningApi, acme: Created) -> None:
    first = post(client)
    asyncio.run(let_pass(api.settings, 24 * 3600))
    assert_repeated(post(client), first)
    asyncio.run(let_pass(api.settings, 3600))

    later = post(client, data=SMALL | {"sku": "B"})

    assert later.status_code == 200
    assert len(history(api, acme)) == 2


async def test_a_hundred_duplicates_at_once_of_twenty_requests_have_twenty_effects(
    api: RunningApi, acme: Created, servers: RunningServices
) -> None:
    at_random = random.Random(20)
    every: list[list[RawAnswer]] = []
    for number in range(20):
        headers = {"x-api-key": acme.secret, "idempotency-key": f"order-{number}"}
        if at_random.random() < 0.3:
            headers["accept"] = "image/*"
        sent = prepared(
            api.base_url + PROCESS,
            headers=headers,
            files={"image": red_box(40 + number % 5, 30)},
            data={"width": "32", "height": "32", "sku": f"S-{number}"},
        )
        with redis.Redis.from_url(in_own_database(servers.redis_url)) as valkey:
            valkey.flushdb()  # the rate is not what this is about

        every.append(await send_at_once(api.port, [sent] * 100))

        [last] = await send_at_once(api.port, [sent])
        every[-1].append(last)

    jobs = jobs_in(await events_of(api.settings, acme.org_id))
    assert len(jobs) == 20
    for answers in every:
        assert {answer.status for answer in answers} <= {200, 409, 429}
        done = [answer for answer in answers if answer.status == 200]
        assert answers[-1].status == 200
        assert len({answer.body for answer in done}) == 1
        assert len({answer.headers["x-log-head"] for answer in done}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in done) == 1
        for busy in (answer for answer in answers if answer.status == 409):
            problem = json.loads(busy.body)
            assert (problem["code"], problem["retryable"]) == ("idempotency_in_progress", True)
            assert 1 <= int(busy.headers["retry-after"]) <= 10


async def test_a_client_that_leaves_finds_its_answer_when_it_comes_back(
    client: Client, api: RunningApi, acme: Created
) -> None:
    sent = prepared(
        api.base_url + PROCESS,
        headers={"x-api-key": acme.secret, "idempotency-key": "order-7"},
        files={"image": PHOTO},
        data=SMALL,
    )
    with socket.create_connection(("127.0.0.1", api.port)) as connection:
        connection.sendall(sent)
        await until_begun(api, acme)

    await until_states(api.settings, acme.org_id, [200])
    again = await asyncio.to_thread(post, client)

    assert again.status_code == 200
    assert again.headers["idempotency-replayed"] == "true"
    assert len(jobs_in(await events_of(api.settings, acme.org_id))) == 1


async def until_begun(api: RunningApi, acme: Created) -> None:
    """Wait until the request has begun."""
    async with asyncio.timeout(10):
        while not await states(api.settings, acme.org_id):
            await asyncio.sleep(0)
