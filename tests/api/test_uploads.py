"""Bodies on their way in: bounded, refused early and readably, and never left behind."""

import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from api.client import WITHIN_S, Client, assert_problem, exchange_raw
from api.photos import red_box
from api.server import RunningApi
from api.test_process import spool_of
from packshot.commands.organizations import Created

PROCESS = "/api/v1/process"
MIB = 1024 * 1024
OVER_THE_CAP = 51 * MIB
BOUNDARY = "b-o-u-n-d"
FILE_PART = (
    f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    'name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
).encode()
END = f"\r\n--{BOUNDARY}--\r\n".encode()
MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def pieces(size_bytes: int) -> Iterator[bytes]:
    """A multipart body with a file of this size, sent in chunks."""
    yield FILE_PART
    for _ in range(size_bytes // MIB):
        yield bytes(MIB)
    yield END


def test_a_file_over_the_cap_is_refused_by_its_length(client: Client) -> None:
    answer = client.post(PROCESS, files={"image": bytes(OVER_THE_CAP)})

    problem = assert_problem(answer, 413, "file_too_large")
    assert problem["allowed"] == {"max": 50 * MIB}


def test_a_chunked_file_over_the_cap_is_refused(client: Client, api: RunningApi) -> None:
    answer = client.post(PROCESS, data=pieces(OVER_THE_CAP), headers=MULTIPART)

    assert_problem(answer, 413, "file_too_large")
    assert spool_of(api) == []


@pytest.mark.parametrize(
    "framing", ["Transfer-Encoding: chunked", f"Content-Length: {50 * MIB + 4096}"]
)
def test_the_byte_over_the_cap_is_refused_before_the_body_ends(
    api: RunningApi, acme: Created, framing: str
) -> None:
    head = (
        f"POST {PROCESS} HTTP/1.1\r\nHost: x\r\nx-api-key: {acme.secret}\r\n"
        f"Content-Type: {MULTIPART['content-type']}\r\n{framing}\r\n\r\n"
    )
    almost_all = FILE_PART + bytes(50 * MIB + 1)
    if "chunked" in framing:
        almost_all = b"%x\r\n%s\r\n" % (len(almost_all), almost_all)
    with socket.create_connection(("127.0.0.1", api.port), WITHIN_S) as connection:
        connection.sendall(head.encode() + almost_all)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("key", [None, "pshot_live_nonsense"])
def test_a_caller_without_a_key_can_read_why_while_still_sending(
    client: Client, key: str | None
) -> None:
    answer = Client(client.base_url, client.session, key).post(
        PROCESS, files={"image": bytes(20 * MIB)}
    )

    assert_problem(answer, 401, "key_malformed" if key else "key_missing")


def test_the_connection_serves_on_after_an_early_refusal(client: Client) -> None:
    refused = client.without_key().post(PROCESS, files={"image": bytes(5 * MIB)})

    served = client.get("/api/v1/whoami")

    assert (refused.status_code, served.status_code) == (401, 200)


def test_an_early_refusal_is_sent_before_the_body_is_read(api: RunningApi) -> None:
    head = f"POST {PROCESS} HTTP/1.1\r\nHost: x\r\nContent-Length: {OVER_THE_CAP}\r\n\r\n"

    with socket.create_connection(("127.0.0.1", api.port), WITHIN_S) as connection:
        connection.sendall(head.encode() + b"the first bytes only")
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 401 ")


def test_curl_reads_an_early_refusal(api: RunningApi, tmp_path: Path) -> None:
    photo = tmp_path / "large.jpg"
    photo.write_bytes(bytes(20 * MIB))
    command = ["curl", "-sS", "-F", f"image=@{photo}", "-w", "%{http_code}", api.base_url + PROCESS]

    done = subprocess.run(command, capture_output=True, timeout=WITHIN_S, check=False)

    assert done.stdout.endswith(b"401"), done.stderr
    assert b"key_missing" in done.stdout


def test_more_than_the_lingering_bound_ends_the_connection(api: RunningApi, acme: Created) -> None:
    """200 MB to a refusal: the answer is there, and the server does not read it all."""
    head = (
        f"POST {PROCESS} HTTP/1.1\r\nHost: x\r\nx-api-key: {acme.secret}\r\n"
        f"Content-Type: {MULTIPART['content-type']}\r\nContent-Length: {200 * MIB}\r\n\r\n"
    )
    sent = 0
    with socket.create_connection(("127.0.0.1", api.port), WITHIN_S) as connection:
        connection.sendall(head.encode() + FILE_PART)
        with suppress(OSError):  # the server closed
            for _ in range(200):
                connection.sendall(bytes(MIB))
                sent += 1
    assert 50 < sent < 190


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(MULTIPART, b"", id="nothing"),
        pytest.param(MULTIPART, b"no boundary in here", id="no boundary"),
        pytest.param(MULTIPART, FILE_PART + b"cut off", id="cut off"),
        pytest.param(
            {"content-type": "multipart/form-data"}, FILE_PART + END, id="unnamed boundary"
        ),
        pytest.param(
            MULTIPART, f"--{BOUNDARY}\r\nX: y\r\n\r\nz".encode() + END, id="no disposition"
        ),
        pytest.param(MULTIPART, FILE_PART.replace(b": image", b" image") + END, id="bad header"),
    ],
)
def test_a_broken_multipart_body_is_malformed(
    client: Client, headers: dict[str, str], body: bytes
) -> None:
    assert_problem(client.post(PROCESS, data=body, headers=headers), 400, "malformed_request")


def test_more_than_forty_parts_are_malformed(client: Client) -> None:
    parts = [(f"f{number}", (None, "x")) for number in range(41)]

    assert_problem(client.post(PROCESS, files=parts), 400, "malformed_request")


def test_a_field_over_64_kb_is_refused(client: Client) -> None:
    answer = client.post(PROCESS, files={"sku": (None, "a" * 65537), "image": red_box()})

    assert assert_problem(answer, 422, "invalid_parameter")["param"] == "sku"


def test_a_field_that_is_not_utf8_is_refused(client: Client) -> None:
    answer = client.post(PROCESS, files={"sku": (None, b"\xff\xfe"), "image": red_box()})

    assert assert_problem(answer, 422, "invalid_parameter")["param"] == "sku"


def test_a_client_gone_in_the_middle_leaves_nothing(
    api: RunningApi, client: Client, acme: Created
) -> None:
    head = (
        f"POST {PROCESS} HTTP/1.1\r\nHost: x\r\nx-api-key: {acme.secret}\r\n"
        f"X-Request-Id: gone-in-the-middle\r\n"
        f"Content-Type: {MULTIPART['content-type']}\r\nContent-Length: {40 * MIB}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.port), WITHIN_S) as connection:
        connection.sendall(head.encode() + FILE_PART + bytes(5 * MIB))

    line = api.log.wait_for(client_ref="gone-in-the-middle", event="request_answered")

    assert line["status"] == 499
    assert spool_of(api) == []
    position = client.post(PROCESS, files={"image": red_box()}, data={"width": "32"})
    assert position.headers["x-log-position"] == "6"  # founded: three, and this one's three


def test_a_client_gone_before_its_answer_breaks_nothing(
    api: RunningApi, client: Client, acme: Created
) -> None:
    body = FILE_PART + red_box(640, 480) + END
    head = (
        f"POST {PROCESS} HTTP/1.1\r\nHost: x\r\nx-api-key: {acme.secret}\r\n"
        f"X-Request-Id: gone-before-the-answer\r\n"
        f"Content-Type: {MULTIPART['content-type']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.port), WITHIN_S) as connection:
        connection.sendall(head.encode() + body)

    api.log.wait_for(client_ref="gone-before-the-answer", event="request_answered")

    assert client.get("/api/v1/whoami").status_code == 200
    assert spool_of(api) == []


def test_a_client_gone_in_the_middle_of_the_answer_breaks_nothing(
    api: RunningApi, client: Client, acme: Created
) -> None:
    wish = {"width": "3000", "height": "3000", "format": "png"}
    made = client.post(PROCESS, files={"image": red_box()}, data=wish).json()["output"]
    head = (
        f"GET {made['url']} HTTP/1.1\r\nHost: x\r\nx-api-key: {acme.secret}\r\n"
        f"X-Request-Id: gone-while-reading\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.port), WITHIN_S) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head.encode())
        connection.recv(100)
        reset_on_close(connection)

    api.log.wait_for(client_ref="gone-while-reading", event="request_answered")

    assert client.get(made["url"]).status_code == 200


def test_an_expecting_client_is_answered(client: Client) -> None:
    answer = client.post(
        PROCESS, files={"image": red_box()}, data={"width": "32", "height": "32"},
        headers={"expect": "100-continue"},
    )  # fmt: skip

    assert answer.status_code == 200


def test_a_compressed_body_is_not_read(client: Client) -> None:
    answer = client.post(PROCESS, data=b"\x1f\x8b", headers={"content-encoding": "gzip"})

    assert_problem(answer, 415, "unsupported_media_type")


def test_two_framings_are_refused_and_the_connection_closed(api: RunningApi) -> None:
    answers = exchange_raw(
        api.port,
        f"POST {PROCESS} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    )

    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert b"malformed_request" in answers
    assert b"connection: close" in answers.lower()


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 4\r\nContent-Length: 5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length: +5",
        "Content-Length: -1",
    ],
)
def test_a_framing_that_two_readers_could_read_differently_is_refused(
    api: RunningApi, framing: str
) -> None:
    answers = exchange_raw(
        api.port,
        f"POST {PROCESS} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\nabcdeGET /healthz".encode(),
    )

    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers[9:10] in b"45"
    assert b"HTTP/1.1 200" not in answers


def test_a_get_with_a_body_is_answered_and_the_connection_goes_on(client: Client) -> None:
    first = client.get("/api/v1/whoami", data=bytes(MIB))
    second = client.get("/api/v1/whoami")

    assert (first.status_code, second.status_code) == (200, 200)


def reset_on_close(connection: socket.socket) -> None:
    """Close with a reset, as a client that is killed does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_requests_sees_no_broken_connection_in_a_row_of_refusals(client: Client) -> None:
    with requests.Session() as session:
        stranger = Client(client.base_url, session, None)
        for _ in range(5):
            answer = stranger.post(PROCESS, files={"image": bytes(3 * MIB)})
            assert_problem(answer, 401, "key_missing")


def test_a_file_under_another_name_is_told_which_field_takes_it(client: Client) -> None:
    answer = client.post(PROCESS, files={"file": ("product.jpg", red_box())})

    problem = assert_problem(answer, 422, "unknown_field")
    assert problem["param"] == "file"
    assert problem["allowed"] == {"fields": ["image"]}
    assert problem["fix"] == "Send the file as image."
