"""GET /api/v1/outputs/{outputId}: a finished picture, whole or in part, for its owner alone."""

from hashlib import sha256
from typing import Any

import pytest

from api.client import Client, assert_problem
from api.photos import red_box
from packshot.commands.organizations import Created

Output = dict[str, Any]


@pytest.fixture
def output(client: Client) -> Output:
    """An output of Acme."""
    wish = {"width": "64", "height": "64", "sku": "A-1", "clientRef": "r-1"}
    made: Output = client.post("/api/v1/process", files={"image": red_box()}, data=wish).json()[
        "output"
    ]
    return made


def test_an_output_is_told_as_it_was_made(client: Client, output: Output) -> None:
    told = client.get(f"/api/v1/outputs/{output['outputId']}").json()

    assert told == output | {"timings": None}


def test_the_content_is_the_bytes_that_the_hash_names(client: Client, output: Output) -> None:
    answer = client.get(output["url"])

    assert sha256(answer.content).hexdigest() == output["bytesSha256"]
    assert answer.headers["etag"] == f'"{output["bytesSha256"]}"'
    assert answer.headers["content-type"] == "image/jpeg"
    assert int(answer.headers["content-length"]) == output["bytes"]
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
def test_a_client_that_has_it_is_told_so(client: Client, output: Output, form: str) -> None:
    tag = form.format(output["bytesSha256"])

    answer = client.get(output["url"], headers={"if-none-match": tag})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{output["bytesSha256"]}"'


@pytest.mark.parametrize(
    ("asked", "part"),
    [("bytes=0-9", slice(0, 10)), ("bytes=100-", slice(100, None)), ("bytes=-7", slice(-7, None))],
)
def test_a_range_is_answered(client: Client, output: Output, asked: str, part: slice) -> None:
    whole = client.get(output["url"]).content

    answer = client.get(output["url"], headers={"range": asked})

    assert answer.status_code == 206
    assert answer.content == whole[part]
    begin = part.indices(len(whole))[0]
    end = begin + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {begin}-{end}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=0-4,8-9", "pages=1-2", "bytes=x", "bytes=5-1"])
def test_a_range_that_is_not_understood_is_answered_whole(
    client: Client, output: Output, asked: str
) -> None:
    answer = client.get(output["url"], headers={"range": asked})

    assert (answer.status_code, len(answer.content)) == (200, output["bytes"])


def test_a_range_of_another_version_is_answered_whole(client: Client, output: Output) -> None:
    headers = {"range": "bytes=0-9", "if-range": '"another"'}

    assert client.get(output["url"], headers=headers).status_code == 200


def test_a_range_beyond_the_end_is_not_satisfiable(client: Client, output: Output) -> None:
    answer = client.get(output["url"], headers={"range": "bytes=99999999-"})

    assert_problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{output['bytes']}"


def test_head_tells_the_length_without_the_bytes(client: Client, output: Output) -> None:
    answer = client.send("HEAD", output["url"])

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == output["bytes"]


def test_foreign_unknown_and_malformed_ids_are_answered_alike(
    client: Client, globex: Created, output: Output
) -> None:
    for tail in ("", "/content"):
        foreign = client.with_key(globex.secret).get(f"/api/v1/outputs/{output['outputId']}{tail}")
        unknown = client.get(f"/api/v1/outputs/out_00000000000000000000000000{tail}")
        malformed = [
            client.get(f"/api/v1/outputs/{bad}{tail}")
            for bad in ("out_x", "x", "OUT_1", "out_zzzzzzzzzzzzzzzzzzzzzzzzzz", "%00", "🦆")
        ]

        problems = [
            assert_problem(answer, 404, "not_found") for answer in (foreign, unknown, *malformed)
        ]

        for problem in problems:
            problem.pop("requestId")
        assert all(problem == problems[0] for problem in problems)
