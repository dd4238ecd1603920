"""Who answers over TLS has to prove to be the host of the URL, not the address that was dialled."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from integration.outbound.certificates import Authority
from integration.outbound.conftest import Names, OpenClient
from integration.outbound.servers import answer, listening, saying
from integrations.http import Answered, OutboundFailed


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that clients made from now on trust, as operators name theirs."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


async def posted(
    open_client: OpenClient, names: Names, tls: ssl.SSLContext | None, *, host: str = "hook.example"
) -> Answered:
    """Post to a server at 127.0.0.1 by that name."""
    names.answers[host] = [["127.0.0.1"]]
    async with listening(saying(answer(), close=True), tls=tls) as server:
        client = open_client(f"127.0.0.1/32:{server.port}")
        return await client.post(
            f"https://{host}:{server.port}/", body=b"", headers={}, deadline_s=20
        )


async def test_a_host_that_proves_its_name_is_called_by_it(
    open_client: OpenClient, names: Names, authority: Authority
) -> None:
    tls = authority.server("hook.example")
    said: list[str | None] = []
    tls.sni_callback = lambda _, name, __: said.append(name)

    assert (await posted(open_client, names, tls)).status == 200
    assert said == ["hook.example"]


async def test_an_address_that_proves_itself_is_called(
    open_client: OpenClient, names: Names, authority: Authority
) -> None:
    tls = authority.server("127.0.0.1")

    assert (await posted(open_client, names, tls, host="127.0.0.1")).status == 200


@pytest.mark.parametrize("certified", ["other.example", "127.0.0.1", "sub.hook.example"])
async def test_a_certificate_of_another_name_is_refused(
    open_client: OpenClient, names: Names, authority: Authority, certified: str
) -> None:
    with pytest.raises(OutboundFailed, match=r"^tls_failed$"):
        await posted(open_client, names, authority.server(certified))


async def test_a_certificate_that_has_expired_is_refused(
    open_client: OpenClient, names: Names, authority: Authority
) -> None:
    tls = authority.server("hook.example", age=timedelta(days=31))

    with pytest.raises(OutboundFailed, match=r"^tls_failed$"):
        await posted(open_client, names, tls)


async def test_a_certificate_of_an_unknown_authority_is_refused(
    open_client: OpenClient, names: Names, authority: Authority
) -> None:
    tls = Authority(authority.folder, name="Nobody's authority").server("hook.example")

    with pytest.raises(OutboundFailed, match=r"^tls_failed$"):
        await posted(open_client, names, tls)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_tls_before_1_2_is_refused(
    open_client: OpenClient, names: Names, authority: Authority
) -> None:
    tls = authority.server("hook.example")
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")

    with pytest.raises(OutboundFailed, match=r"^tls_failed$"):
        await posted(open_client, names, tls)


async def test_a_server_without_tls_is_refused(open_client: OpenClient, names: Names) -> None:
    names.answers["hook.example"] = [["127.0.0.1"]]
    async with listening() as server:  # hangs up at once
        client = open_client(f"127.0.0.1/32:{server.port}")

        with pytest.raises(OutboundFailed, match=r"^tls_failed$"):
            await client.post(
                f"https://hook.example:{server.port}/", body=b"", headers={}, deadline_s=20
            )
