from ipaddress import IPv6Address, ip_address

import pytest

from integrations.addresses import embedded, is_public

REFUSED = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1",
    "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.254",
    "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::", "2002:a00:1::", "2001:0:1::1", "2001:db8::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "ff02::1", "fec0::1", "100::1", "192.88.99.1", "3fff::1",
    "5f00::1",
]  # fmt: skip
CALLED = [
    "8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1",
    "64:ff9b::808:808", "2002:808:808::1",
]  # fmt: skip
# Next to a refused network on either side: a prefix that is one bit short or long shows here.
NEIGHBOURS = [
    "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
    "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255",
    "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
    "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
    "2001:200::1", "2001:db7:ffff::1", "2001:db9::1", "3ffe:ffff::1",
]  # fmt: skip


def test_the_corpus_is_whole() -> None:
    assert (len(REFUSED), len(CALLED)) == (42, 7)


@pytest.mark.parametrize("text", REFUSED)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", [*CALLED, *NEIGHBOURS])
def test_a_public_address_is_called(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "2002:a83f:8110::1"],
)
def test_a_metadata_service_at_a_public_address_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1"])
def test_a_tunnel_to_an_ipv4_address_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", [text for text in REFUSED if ":" not in text])
def test_every_embedded_form_of_a_refused_ipv4_address_is_refused(text: str) -> None:
    number = int(ip_address(text))
    forms = [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(0x64FF9B << 96 | number),
        IPv6Address(0x2002 << 112 | number << 80 | 1),
        IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF),
    ]

    assert [form for form in forms if is_public(form)] == []


def test_an_embedded_address_is_found() -> None:
    assert {
        str(embedded(ip_address(text)))
        for text in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "10.0.0.1")
    } == {"10.0.0.1"}
