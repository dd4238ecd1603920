"""JSON bodies that are small on the wire and must stay small in memory."""

import tracemalloc

import pytest

from api.client import Client, assert_problem
from domain.errors import Refusal
from packshot.edge.forms import MOST_FIELDS, read_json_fields

PROCESS = "/api/v1/process"
JSON = {"content-type": "application/json"}
MIB = 1024 * 1024


def names(count: int) -> str:
    return ",".join(f'"{number:x}":1' for number in range(count))


def test_many_names_under_a_long_one_take_no_memory() -> None:
    body = f'{{"{"k" * 30_000}":{{{names(4_000)}}}}}'.encode()

    tracemalloc.start()
    try:
        with pytest.raises(Refusal, match="more than"):
            read_json_fields(body)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak_bytes < 16 * MIB


def test_as_many_fields_as_allowed_are_read() -> None:
    assert len(read_json_fields(f"{{{names(MOST_FIELDS)}}}".encode())) == MOST_FIELDS


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (f"{{{names(MOST_FIELDS + 1)}}}", 400, "malformed_request"),
        ('{"frame":{"targetFill":0.5},"frame.targetFill":0.6}', 422, "duplicate_field"),
        (r'{"\ud800":1}', 400, "malformed_request"),
    ],
)
def test_fields_that_cannot_be_are_refused(
    client: Client, body: str, status: int, code: str
) -> None:
    assert_problem(client.post(PROCESS, data=body, headers=JSON), status, code)


def test_of_many_mistakes_the_first_twenty_are_told(client: Client) -> None:
    answer = client.post(PROCESS, data=f"{{{names(MOST_FIELDS)}}}", headers=JSON)

    assert len(assert_problem(answer, 422, "unknown_field")["errors"]) == 20
