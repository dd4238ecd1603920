"""Nothing private is called: not by address, by name, by a name that changes, by redirect."""

from pathlib import Path

import pytest

from domain.errors import InvalidInput
from integration.outbound.conftest import Names, OpenClient
from integration.outbound.servers import Listener, answer, listening, saying
from integrations.http import OutboundClient, OutboundFailed
from unit.integrations.test_addresses import REFUSED
from unit.integrations.test_urls import NO_TARGETS, SPELLINGS

LOCAL = {"127.0.0.1", "0.0.0.0", "::1", "::", "169.254.169.254", "localhost"}
TRICKS = [url for url, host in SPELLINGS.items() if host in LOCAL]


async def reason_of(client: OutboundClient, url: str) -> str:
    with pytest.raises(OutboundFailed) as failed:
        await client.post(url, body=b"{}", headers={}, deadline_s=5)
    assert str(failed.value) == failed.value.reason
    assert failed.value.__cause__ is None
    return failed.value.reason


async def code_of(client: OutboundClient, url: str) -> tuple[str, str | None]:
    with pytest.raises(InvalidInput) as refused:
        await client.check(url, param="webhookUrl")
    return refused.value.code, refused.value.param


def at_port(url: str, port: int) -> str:
    """The URL with a port after its host, wherever that ends."""
    scheme, _, rest = url.partition("://")
    end = min(rest.index(mark) for mark in "/?#" if mark in rest)
    return f"{scheme}://{rest[:end]}:{port}{rest[end:]}"


@pytest.mark.parametrize("url", TRICKS)
async def test_no_spelling_of_a_local_address_reaches_it(
    open_client: OpenClient, names: Names, sentinel: Listener, url: str
) -> None:
    names.answers["localhost"] = [["127.0.0.1", "::1"]]
    client = open_client(f"10.99.0.1/32:{sentinel.port}")  # the port alone opens nothing

    for place in (url, at_port(url, sentinel.port)):
        assert await reason_of(client, place) == "refused_address"
        assert await code_of(client, place) == ("url_not_allowed", "webhookUrl")


@pytest.mark.parametrize("url", NO_TARGETS)
async def test_what_is_no_url_of_a_host_is_refused(open_client: OpenClient, url: str) -> None:
    client = open_client("")

    assert await reason_of(client, url) == "refused_address"
    assert await code_of(client, url) == ("url_not_allowed", "webhookUrl")


@pytest.mark.parametrize("address", REFUSED)
async def test_a_name_of_a_refused_address_is_refused(
    open_client: OpenClient, names: Names, address: str
) -> None:
    names.answers["intranet.example"] = [[address]]
    client = open_client("")

    assert await reason_of(client, "https://intranet.example/") == "refused_address"
    assert await code_of(client, "https://intranet.example/") == ("url_not_allowed", "webhookUrl")


@pytest.mark.parametrize("others", [["8.8.8.8"], ["2606:4700::1111", "8.8.8.8"]])
async def test_one_private_address_among_public_ones_refuses_the_name(
    open_client: OpenClient, names: Names, sentinel: Listener, others: list[str]
) -> None:
    names.answers["mixed.example"] = [[*others, "127.0.0.1"], ["127.0.0.1", *others]]
    client = open_client("")

    for _ in range(2):
        assert await reason_of(client, "http://mixed.example/") == "refused_address"


async def test_a_name_that_turns_private_after_the_check_is_refused(
    open_client: OpenClient, names: Names, sentinel: Listener
) -> None:
    names.answers["rebind.example"] = [["10.99.0.1"], ["127.0.0.1"]]
    client = open_client(f"10.99.0.1/32:{sentinel.port}")
    url = f"http://rebind.example:{sentinel.port}/"

    await client.check(url)

    assert await reason_of(client, url) == "refused_address"
    assert names.lookups == ["rebind.example"] * 2


async def test_the_address_that_was_checked_is_the_one_dialled(
    open_client: OpenClient, names: Names, sentinel: Listener
) -> None:
    """The name turns private between a call's check and its dialling, if that looked it up."""
    async with listening(saying(answer())) as server:
        names.answers["rebind.example"] = [["127.0.0.1"], ["127.0.0.2"]]
        client = open_client(f"127.0.0.1/32:{server.port}")

        got = await client.post(
            f"http://rebind.example:{server.port}/", body=b"", headers={}, deadline_s=5
        )

        assert (got.status, names.lookups) == (200, ["rebind.example"])


async def test_a_connection_to_a_checked_address_outlives_a_name_that_turns_private(
    open_client: OpenClient, names: Names, sentinel: Listener
) -> None:
    async with listening(saying(answer())) as server:
        names.answers["rebind.example"] = [["127.0.0.1"], ["10.0.0.1"]]
        client = open_client(f"127.0.0.1/32:{server.port}")
        url = f"http://rebind.example:{server.port}/"

        for _ in range(3):
            assert (await client.post(url, body=b"", headers={}, deadline_s=5)).status == 200
        assert server.connections == 1

        await client.close()
        assert await reason_of(client, url) == "refused_address"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P", "304 N"])
async def test_a_redirect_is_a_failure_and_is_not_followed(
    open_client: OpenClient, sentinel: Listener, tmp_path: Path, status: str
) -> None:
    place = f"location: http://127.0.0.1:{sentinel.port}/"
    body = b"" if status.startswith("304") else b"gone"
    async with listening(saying(answer(body, status=status, headers=[place]))) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        url = f"http://127.0.0.1:{server.port}/"

        assert await reason_of(client, url) == "redirect"
        with pytest.raises(OutboundFailed, match=r"^redirect$"):
            await client.download(url, tmp_path / "file", max_bytes=9, deadline_s=5)


async def test_no_proxy_of_the_environment_is_used(
    open_client: OpenClient, sentinel: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{sentinel.port}")
        monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{sentinel.port}")
    async with listening(saying(answer())) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")

        got = await client.post(
            f"http://127.0.0.1:{server.port}/", body=b"", headers={}, deadline_s=5
        )

        assert got.status == 200


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
async def test_another_port_than_those_of_http_is_refused_before_a_lookup(
    open_client: OpenClient, names: Names, port: int
) -> None:
    client = open_client("")

    assert await reason_of(client, f"http://shop.example:{port}/") == "refused_address"
    assert await code_of(client, f"http://8.8.8.8:{port}/") == ("url_not_allowed", "webhookUrl")
    assert names.lookups == []


async def test_a_host_that_does_not_resolve_now_passes_the_check(open_client: OpenClient) -> None:
    client = open_client("")

    await client.check("https://not-yet.example/hook")

    assert await reason_of(client, "https://not-yet.example/hook") == "unresolved"


@pytest.mark.parametrize("answers", [[], ["not an address"], ["127.0.0.1%eth0"]])
async def test_an_answer_without_an_address_is_no_way_in(
    open_client: OpenClient, names: Names, answers: list[str]
) -> None:
    names.answers["odd.example"] = [answers]

    assert await reason_of(open_client(""), "https://odd.example/") == "unresolved"


async def test_the_system_resolver_knows_localhost_and_it_is_refused(sentinel: Listener) -> None:
    client = OutboundClient()

    for host in ("localhost", "localhost.", "LocalHost"):
        assert await code_of(client, f"http://{host}/") == ("url_not_allowed", "webhookUrl")
        assert await reason_of(client, f"http://{host}/") == "refused_address"
    assert await reason_of(client, "http://no-such-name.invalid/") == "unresolved"
    await client.close()
