"""Multipart bodies that are built to cost more than they hold."""

from collections.abc import Callable, Iterator

import pytest

from api.client import Client, assert_problem
from api.photos import red_box
from api.server import RunningApi
from api.test_process import spool_of
from api.test_uploads import BOUNDARY, END, FILE_PART, MIB, MULTIPART, PROCESS

NOISE_MIB = 60


def noise() -> Iterator[bytes]:
    for _ in range(NOISE_MIB):
        yield bytes(MIB)


def before_the_first_part() -> Iterator[bytes]:
    yield from noise()
    yield b"\r\n" + FILE_PART + red_box() + END


def after_the_last_part() -> Iterator[bytes]:
    yield FILE_PART + red_box() + END
    yield from noise()


@pytest.mark.parametrize("body", [before_the_first_part, after_the_last_part])
def test_what_stands_around_the_parts_counts_towards_the_cap(
    client: Client, api: RunningApi, body: Callable[[], Iterator[bytes]]
) -> None:
    answer = client.post(PROCESS, data=body(), headers=MULTIPART)

    assert_problem(answer, 413, "file_too_large")
    assert spool_of(api) == []


def test_a_part_header_that_is_no_text_is_not_read_back(client: Client) -> None:
    part = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=".encode() + b'"\xff"\r\n\r\nx'

    problem = assert_problem(
        client.post(PROCESS, data=part + END, headers=MULTIPART), 400, "malformed_request"
    )

    assert problem["detail"] == "The multipart body is broken: Segment header failed to decode."
