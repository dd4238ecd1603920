"""The photo behind an imageUrl: in the spool, or a refusal that says what to do."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import pictures
from domain.errors import InvalidImage, InvalidInput, Refusal
from integration.outbound.conftest import Names, OpenClient
from integration.outbound.servers import Listener, answer, listening, saying
from integrations.failures import REASONS
from packshot.commands import downloads
from packshot.commands.downloads import FAILURES, Downloads
from packshot.edge.problems import KINDS
from packshot.store.blobs import Blobs

OpenDownloads = Callable[[str], Downloads]


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path)


@pytest.fixture
def open_downloads(open_client: OpenClient, blobs: Blobs) -> OpenDownloads:
    return lambda allowed: Downloads(open_client(allowed), blobs)


async def refused(fetching: Downloads, url: str) -> Refusal:
    with pytest.raises((InvalidInput, InvalidImage)) as caught:
        await fetching.fetch(url)
    assert list(fetching.blobs.spool.iterdir()) == []
    assert caught.value.param == "imageUrl"
    assert caught.value.fix
    assert KINDS[caught.value.code].status in {415, 422}
    return caught.value


async def test_a_photo_is_fetched_into_the_spool(
    open_downloads: OpenDownloads, blobs: Blobs
) -> None:
    body = pictures.encoded("jpeg")
    # A server that calls every file a page is believed less than the picture itself.
    said = answer(body, headers=["content-type: text/html"])
    async with listening(saying(said)) as server:
        photo = await open_downloads(f"127.0.0.1/32:{server.port}").fetch(
            f"http://127.0.0.1:{server.port}/photo.jpg"
        )

    assert photo.path.parent == blobs.spool
    assert photo.path.read_bytes() == body
    assert (photo.sha256, photo.size_bytes) == (sha256(body).hexdigest(), len(body))


@pytest.mark.parametrize(
    ("said", "detail", "fix"),
    [
        (answer(status="404 Not Found"), "answered 404 instead of 200", "Check the URL"),
        (answer(status="403 Forbidden"), "answered 403 instead of 200", "Check the URL"),
        (answer(status="503 Later"), "answered 503 instead of 200", "Try again"),
        (answer(status="429 Slow"), "answered 429 instead of 200", "Try again"),
        (answer(status="302 Found", headers=["location: /b"]), "a redirect", "it leads to"),
        (answer(headers=["content-encoding: gzip"]), "compressed", "without Content-Encoding"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 52428801\r\n\r\n", "more than 50 MiB", "smaller"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "no complete HTTP", "Try again"),
    ],
)
async def test_a_photo_that_does_not_come_says_why_and_whether_to_try_again(
    open_downloads: OpenDownloads, said: bytes, detail: str, fix: str
) -> None:
    async with listening(saying(said, close=True)) as server:
        fetching = open_downloads(f"127.0.0.1/32:{server.port}")
        refusal = await refused(fetching, f"http://127.0.0.1:{server.port}/photo.jpg")

    assert refusal.code == "url_fetch_failed"
    assert detail in refusal.detail
    assert fix in (refusal.fix or "")
    assert refusal.retryable is (fix == "Try again")


@pytest.mark.parametrize(
    ("body", "media_type", "detail"),
    [
        (b"<!DOCTYPE html><title>Photos</title>", "text/html; charset=utf-8", "an HTML page"),
        (b"\n<html lang=en><body>Sign in", "image/jpeg", "an HTML page"),
        (b"<p>Gone</p>", "text/html", "an HTML page"),
        (b"<?xml version='1.0'?><Error/>", "application/xml", "an XML document"),
        (b'{"error":"no such photo"}', "application/json", "text"),
    ],
)
async def test_a_page_in_place_of_a_picture_is_called_one(
    open_downloads: OpenDownloads, body: bytes, media_type: str, detail: str
) -> None:
    said = answer(body, headers=[f"content-type: {media_type}"])
    async with listening(saying(said)) as server:
        fetching = open_downloads(f"127.0.0.1/32:{server.port}")
        refusal = await refused(fetching, f"http://127.0.0.1:{server.port}/photo.jpg")

    assert refusal.code == "url_fetch_failed"
    assert refusal.detail == f"The address leads to {detail}, not to a picture."
    assert "Use the address of the picture itself" in (refusal.fix or "")
    assert not refusal.retryable


async def test_a_picture_of_another_format_is_refused_by_the_name_of_the_urls_field(
    open_downloads: OpenDownloads,
) -> None:
    async with listening(saying(answer(b"GIF89a" + bytes(64)))) as server:
        fetching = open_downloads(f"127.0.0.1/32:{server.port}")
        refusal = await refused(fetching, f"http://127.0.0.1:{server.port}/photo.gif")

    assert refusal.code == "unsupported_image_format"
    assert "a GIF picture" in refusal.detail


async def test_a_host_without_an_address_is_a_failure(open_downloads: OpenDownloads) -> None:
    refusal = await refused(open_downloads(""), "https://no-such.example/photo.jpg")

    assert (refusal.code, refusal.detail) == (
        "url_fetch_failed",
        "The host of the URL has no address.",
    )
    assert refusal.retryable  # a resolver that is away says the same


async def test_a_host_where_nobody_listens_is_a_failure_that_may_pass(
    open_downloads: OpenDownloads,
) -> None:
    async with listening(saying(answer())) as server:
        port = server.port
    refusal = await refused(open_downloads(f"127.0.0.1/32:{port}"), f"http://127.0.0.1:{port}/")

    assert "did not take the connection" in refusal.detail
    assert refusal.retryable


async def test_a_photo_that_takes_too_long_is_a_failure(
    open_downloads: OpenDownloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "FETCH_S", 0.2)
    async with listening(saying(b"HTTP/1.1 200 OK\r\n")) as server:
        fetching = open_downloads(f"127.0.0.1/32:{server.port}")
        refusal = await refused(fetching, f"http://127.0.0.1:{server.port}/photo.jpg")

    assert refusal.detail == "The picture had not arrived after 20 s."
    assert refusal.retryable


async def test_every_word_of_the_client_has_its_sentence() -> None:
    assert FAILURES.keys() == REASONS - {"refused_address"}


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("file:///etc/passwd", "Only http and https"),
        ("https://shop:hunter2@example.com/a.jpg", "user name or password"),
        ("http://example.com:22/", "Port 22 is not called"),
        ("http://0x7f.1/photo.jpg", "private, local or reserved"),
        ("http://169.254.169.254/latest/meta-data/", "metadata service"),
        ("http://intranet.example/photo.jpg", "private, local or reserved"),
    ],
)
async def test_a_url_that_is_not_called_says_which_rule_it_was(
    open_downloads: OpenDownloads, names: Names, sentinel: Listener, url: str, detail: str
) -> None:
    names.answers["intranet.example"] = [["10.1.2.3"]]

    refusal = await refused(open_downloads(""), url)

    assert refusal.code == "url_not_allowed"
    assert detail in refusal.detail
    assert "10.1.2.3" not in f"{refusal.detail}{refusal.fix}"
    assert "hunter2" not in f"{refusal.detail}{refusal.fix}"


async def test_a_name_that_is_private_only_now_and_then_is_not_called(
    open_downloads: OpenDownloads, names: Names
) -> None:
    names.answers["rebind.example"] = [["127.0.0.1"], ["8.8.8.8"]]

    refusal = await refused(open_downloads(""), "http://rebind.example/photo.jpg")

    assert refusal.code == "url_not_allowed"
