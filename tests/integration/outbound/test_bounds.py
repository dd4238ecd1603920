"""A server cannot hold a call longer, or make it take more, than its caller allowed."""

import asyncio
import gzip
import struct
from collections.abc import Sequence
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import pytest

from integration.outbound.conftest import Names, OpenClient
from integration.outbound.servers import (
    Handler,
    answer,
    listening,
    saying,
    saying_for_ever,
    silence,
)
from integrations.http import Answered, OutboundClient, OutboundFailed

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


async def posted(open_client: OpenClient, handler: Handler, *, deadline_s: float = 20) -> Answered:
    async with listening(handler) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        url = f"http://127.0.0.1:{server.port}/hook"
        got = client.post(url, body=b"{}", headers={}, deadline_s=deadline_s, read_max_bytes=1000)
        try:
            return await got
        except OutboundFailed:
            await server.closed.wait()  # a failed call leaves no connection behind
            raise


async def failure(open_client: OpenClient, handler: Handler, *, deadline_s: float = 20) -> str:
    with pytest.raises(OutboundFailed) as failed:
        await posted(open_client, handler, deadline_s=deadline_s)
    return failed.value.reason


@pytest.mark.parametrize(
    "head", [HEAD + b"\r\n", CHUNKED, HEAD + b"content-length: 9999999999\r\n\r\n"]
)
async def test_no_more_of_an_endless_body_is_read_than_wanted(
    open_client: OpenClient, head: bytes
) -> None:
    piece = b"400\r\n" + b"x" * 1024 + b"\r\n" if head == CHUNKED else b"x" * 1024

    got = await posted(open_client, saying_for_ever(head, piece))

    assert got.body == b"x" * 1000


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD + b"\r\n", b"x"),
        (HEAD + b"content-length: 100000\r\n\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (HEAD, b"x-more: 1\r\n"),
        (b"", b"H"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
async def test_a_dripping_answer_ends_with_the_deadline(
    open_client: OpenClient, head: bytes, piece: bytes
) -> None:
    drip = saying_for_ever(head, piece, pause_s=0.05)

    assert await failure(open_client, drip, deadline_s=0.4) == "timeout"


async def test_a_silent_server_ends_with_the_deadline(open_client: OpenClient) -> None:
    assert await failure(open_client, silence, deadline_s=0.2) == "timeout"


async def test_a_name_server_that_does_not_answer_ends_with_the_deadline() -> None:
    async def hang(host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return [host]

    client = OutboundClient(resolve=hang)

    with pytest.raises(OutboundFailed, match=r"^timeout$"):
        await client.post("https://a.example/", body=b"", headers={}, deadline_s=0.2)


async def test_a_server_that_never_finishes_tls_ends_with_the_deadline(
    open_client: OpenClient,
) -> None:
    async with listening(silence) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        with pytest.raises(OutboundFailed, match=r"^timeout$"):
            await client.post(
                f"https://127.0.0.1:{server.port}/", body=b"", headers={}, deadline_s=0.2
            )
        await server.closed.wait()


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD, b"x-more: " + b"1" * 1000 + b"\r\n"),
        (HEAD + b"x-long: ", b"1" * 1000),
        (b"HTTP/1.1 200 ", b"O" * 1000),
    ],
)
async def test_endless_headers_are_no_response(
    open_client: OpenClient, head: bytes, piece: bytes
) -> None:
    assert await failure(open_client, saying_for_ever(head, piece)) == "bad_response"


async def test_endless_interim_responses_are_too_large(open_client: OpenClient) -> None:
    flood = saying_for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n" * 20)

    assert await failure(open_client, flood) == "too_large"


async def test_padding_around_a_small_body_is_too_large(open_client: OpenClient) -> None:
    padded = b"1;" + b"p" * 50_000 + b"\r\nx\r\n"

    assert await failure(open_client, saying_for_ever(CHUNKED, padded)) == "too_large"


@pytest.mark.parametrize(
    "response",
    [
        HEAD + b"content-length: 2\r\ncontent-length: 40\r\n\r\nok",
        HEAD + b"content-length: 2, 40\r\n\r\nok",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: +2\r\n\r\nok",
        HEAD + b"content-length: 0x2\r\n\r\nok",
        HEAD + b"content-length : 2\r\n\r\nok",
        HEAD + b"content-length: 20\r\n\r\ncut off",
        CHUNKED + b"5\r\ncut",
        CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"-1\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"<html>hello</html>",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"",
    ],
)
async def test_what_is_no_whole_and_single_response_is_refused(
    open_client: OpenClient, response: bytes
) -> None:
    assert await failure(open_client, saying(response, close=True)) == "bad_response"


async def test_a_server_cannot_leave_http(open_client: OpenClient) -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"

    assert await failure(open_client, saying(switched), deadline_s=5) == "bad_response"


async def test_a_length_said_twice_alike_is_one_length(open_client: OpenClient) -> None:
    twice = HEAD + b"content-length: 2\r\ncontent-length: 2\r\n\r\nok"

    assert (await posted(open_client, saying(twice))).body == b"ok"


async def test_a_connection_that_breaks_has_its_word(open_client: OpenClient) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    assert await failure(open_client, reset) == "connection_failed"


async def test_a_port_where_nobody_listens_has_its_word(open_client: OpenClient) -> None:
    async with listening() as gone:
        client = open_client(f"127.0.0.1/32:{gone.port}")

    with pytest.raises(OutboundFailed, match=r"^connection_failed$"):
        await client.post(f"http://127.0.0.1:{gone.port}/", body=b"", headers={}, deadline_s=5)


async def test_the_next_address_is_dialled_when_nobody_listens_at_the_first(
    open_client: OpenClient, names: Names
) -> None:
    async with listening(saying(answer())) as server:
        names.answers["two.example"] = [["::1", "127.0.0.1"]]
        client = open_client(f"127.0.0.1/32:{server.port},[::1]:{server.port}")

        got = await client.post(
            f"http://two.example:{server.port}/", body=b"", headers={}, deadline_s=5
        )

        assert got.status == 200


@pytest.mark.parametrize("status", [200, 204, 400, 404, 410, 429, 500, 503])
async def test_a_status_is_an_answer_and_not_a_failure(
    open_client: OpenClient, status: int
) -> None:
    body = b"" if status == 204 else b"no"
    said = answer(body, status=f"{status} X", headers=["Retry-After: 7", "X-A: 1", "x-a: 2"])

    got = await posted(open_client, saying(said))

    assert (got.status, got.body) == (status, body)
    assert (got.headers["retry-after"], got.headers["x-a"]) == ("7", "1, 2")


async def test_a_compressed_answer_is_not_unpacked(open_client: OpenClient, tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(10_000_000))[:900]
    said = answer(bomb, headers=["Content-Encoding: gzip"])

    assert (await posted(open_client, saying(said))).body == bomb
    assert await download_failure(open_client, said, tmp_path / "file") == "encoded"


async def test_a_call_that_is_given_up_closes_its_connection(open_client: OpenClient) -> None:
    asked = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()

    async with listening(hold) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        url = f"http://127.0.0.1:{server.port}/"
        call = asyncio.create_task(client.post(url, body=b"", headers={}, deadline_s=60))
        await asked.wait()

        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
        await server.closed.wait()


async def download_failure(open_client: OpenClient, said: bytes, path: Path) -> str:
    async with listening(saying(said, close=True)) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        url = f"http://127.0.0.1:{server.port}/photo.jpg"
        with pytest.raises(OutboundFailed) as failed:
            await client.download(url, path, max_bytes=1000, deadline_s=20)
    assert not path.exists()
    return failed.value.reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer(b"x" * 1001), "too_large"),
        (HEAD + b"content-length: 1001\r\n\r\n", "too_large"),
        (CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n0\r\n\r\n", "too_large"),
        (HEAD + b"\r\n" + b"x" * 1001, "too_large"),
        (HEAD + b"content-length: 900\r\n\r\nhalf", "bad_response"),
        (answer(status="404 Not Found"), "http_404"),
        (answer(status="206 Partial Content"), "http_206"),
        (answer(status="500 Oops"), "http_500"),
    ],
)
async def test_a_download_that_fails_leaves_no_file(
    open_client: OpenClient, tmp_path: Path, said: bytes, reason: str
) -> None:
    assert await download_failure(open_client, said, tmp_path / "file") == reason


async def test_an_endless_download_ends_at_its_limit(
    open_client: OpenClient, tmp_path: Path
) -> None:
    async with listening(saying_for_ever(HEAD + b"\r\n", b"x" * 65536)) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        url = f"http://127.0.0.1:{server.port}/"

        with pytest.raises(OutboundFailed, match=r"^too_large$"):
            await client.download(url, tmp_path / "file", max_bytes=3_000_000, deadline_s=60)

        await server.closed.wait()
        assert not (tmp_path / "file").exists()


async def test_a_dripping_download_ends_with_the_deadline(
    open_client: OpenClient, tmp_path: Path
) -> None:
    async with listening(saying_for_ever(HEAD + b"\r\n", b"x", pause_s=0.05)) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        url = f"http://127.0.0.1:{server.port}/"

        with pytest.raises(OutboundFailed, match=r"^timeout$"):
            await client.download(url, tmp_path / "file", max_bytes=3_000_000, deadline_s=0.4)

        await server.closed.wait()
        assert not (tmp_path / "file").exists()
