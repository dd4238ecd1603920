"""What a call says and gets: its head, its file, and when it uses a connection again."""

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from integration.outbound.conftest import OpenClient
from integration.outbound.servers import Handler, answer, listening, saying
from integrations.http import OutboundClient, OutboundFailed


def lines_of(asked: bytes) -> list[str]:
    """The request line and the headers of a request."""
    return asked.partition(b"\r\n\r\n")[0].decode().split("\r\n")


async def post(client: OutboundClient, port: int, **headers: str) -> bytes:
    url = f"http://127.0.0.1:{port}/hook?a=1#top"
    return (await client.post(url, body=b"{}", headers=headers, deadline_s=20)).body


async def test_a_post_says_what_it_has_to_and_nothing_else(open_client: OpenClient) -> None:
    async with listening(saying(answer(headers=["set-cookie: a=b"]))) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        ours = {"Content-Type": "application/json", "Host": "evil", "Accept-Encoding": "gzip"}

        for _ in range(2):  # no cookie comes back either
            await post(client, server.port, **ours)

    for asked in server.asked:
        first, *headers = lines_of(asked)
        assert first == "POST /hook?a=1 HTTP/1.1"
        assert sorted(headers) == [
            "accept-encoding: identity",
            "content-length: 2",
            "content-type: application/json",
            f"host: 127.0.0.1:{server.port}",
            "user-agent: packshot",
        ]
        assert asked.endswith(b"\r\n\r\n{}")


async def test_a_header_cannot_carry_another_one(open_client: OpenClient) -> None:
    async with listening(saying(answer())) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        with pytest.raises(Exception, match="Illegal header value"):
            await post(client, server.port, reference="1\r\nx-evil: 1")
    assert server.asked == []


async def test_a_download_is_whole_and_hashed(open_client: OpenClient, tmp_path: Path) -> None:
    photo = bytes(range(256)) * 8000  # several batches
    said = answer(photo, headers=["Content-Type: Image/JPEG; q=1"])
    async with listening(saying(said)) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        url = f"http://127.0.0.1:{server.port}/photo.jpg"

        got = await client.download(url, tmp_path / "photo", max_bytes=len(photo), deadline_s=20)

    assert (got.sha256, got.size_bytes) == (sha256(photo).hexdigest(), len(photo))
    assert got.media_type == "image/jpeg"
    assert (tmp_path / "photo").read_bytes() == photo
    assert (tmp_path / "photo").stat().st_mode & 0o777 == 0o600


async def test_a_download_overwrites_nothing(open_client: OpenClient, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        await open_client("").download(
            "https://a.example/", tmp_path / "photo", max_bytes=9, deadline_s=5
        )

    assert (tmp_path / "photo").read_bytes() == b"mine"


async def test_calls_in_a_row_share_a_connection(open_client: OpenClient) -> None:
    async with listening(saying(answer())) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        for _ in range(5):
            assert await post(client, server.port) == b"ok"

        assert (server.connections, len(server.asked)) == (1, 5)


async def test_a_connection_is_closed_when_nobody_wants_it(open_client: OpenClient) -> None:
    async with listening(saying(answer())) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        await post(client, server.port)

        assert await server.closed.wait()
        assert server.connections == 1


async def test_calls_at_once_have_a_connection_each(open_client: OpenClient) -> None:
    at_once = asyncio.Barrier(4)

    async def together(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await at_once.wait()
        writer.write(answer())

    async with listening(together) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        for _ in range(3):
            got = await asyncio.gather(*(post(client, server.port) for _ in range(4)))
            assert got == [b"ok"] * 4

        assert server.connections == 4


SMUGGLED = answer(b"evil")
UNCLEAN: dict[str, Handler] = {
    "another response behind it": saying(answer() + SMUGGLED),
    "another response in a later packet": saying(answer(), SMUGGLED),
    "another response behind a chunked one": saying(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + SMUGGLED
    ),
    "connection: close": saying(answer(headers=["connection: close"])),
    "HTTP/1.0": saying(answer().replace(b"HTTP/1.1", b"HTTP/1.0")),
    "a body that nobody read": saying(answer(b"o" * 100_000)),
}


@pytest.mark.parametrize("handler", UNCLEAN.values(), ids=UNCLEAN.keys())
async def test_a_connection_that_is_not_clean_is_not_used_again(
    open_client: OpenClient, handler: Handler
) -> None:
    async with listening(handler) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        bodies = [await post(client, server.port) for _ in range(3)]

        assert {body[:4] for body in bodies} <= {b"ok", b"oooo"}
        assert server.connections == 3


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(
    open_client: OpenClient,
) -> None:
    async with listening(saying(answer(), close=True)) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        for _ in range(3):
            server.closed.clear()
            assert await post(client, server.port) == b"ok"
            await server.closed.wait()

        assert server.connections == 3


async def test_a_failed_call_does_not_spoil_the_next(open_client: OpenClient) -> None:
    answers = iter([b"nonsense\r\n\r\n", answer(), answer()])

    async def next_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    async with listening(next_answer) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        with pytest.raises(OutboundFailed, match=r"^bad_response$"):
            await post(client, server.port)

        assert [await post(client, server.port) for _ in range(2)] == [b"ok", b"ok"]
        assert server.connections == 2
