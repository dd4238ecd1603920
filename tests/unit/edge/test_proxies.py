"""Who asks is told by trusted proxies, from the right, and by nobody else."""

import pytest
from hypothesis import given
from hypothesis.strategies import binary

from domain.networks import read_network
from packshot.edge.proxies import TrustedProxies

OURS = (read_network("10.0.0.0/8"), read_network("fd00::/8"))
FOR = TrustedProxies(OURS)
FORWARDED = TrustedProxies(OURS, b"forwarded")


def client(proxies: TrustedProxies, peer: str, *said: str) -> str:
    headers: dict[bytes, list[bytes]] = {b"x-forwarded-for": [], b"forwarded": []}
    headers[proxies.header] = [value.encode("latin-1") for value in said]
    other = b"forwarded" if proxies.header == b"x-forwarded-for" else b"x-forwarded-for"
    headers[other] = [b"for=198.51.100.66", b"198.51.100.66"]
    return proxies.client(peer, headers)


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        ("203.0.113.1", ["198.51.100.7"], "203.0.113.1"),  # not one of ours: not believed
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.7"], "198.51.100.7"),  # the left one is the client's say
        ("10.0.0.1", ["1.2.3.4", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["10.9.9.9, 10.0.0.2"], "10.9.9.9"),
        ("10.0.0.1", ["198.51.100.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7,"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("fd00::1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["<script>"], "10.0.0.1"),
        ("", ["198.51.100.7"], ""),
    ],
)
def test_the_list_is_read_from_the_right_as_far_as_trusted_proxies_say_it(
    peer: str, said: list[str], expected: str
) -> None:
    assert client(FOR, peer, *said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["for=198.51.100.7"], "198.51.100.7"),
        (["For=1.2.3.4, for=198.51.100.7;proto=https;by=10.0.0.1"], "198.51.100.7"),
        (['by=10.0.0.1;for="[2001:db8::7]:4711"'], "2001:db8::7"),
        (["for=1.2.3.4", "for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
        (["for=198.51.100.7, for=_hidden"], "10.0.0.1"),
        (["for=198.51.100.7, for=unknown"], "10.0.0.1"),
        (["for=198.51.100.7, proto=https"], "10.0.0.1"),
        (["for=198.51.100.7, nonsense"], "10.0.0.1"),
        (['for="198.51.100.7'], "10.0.0.1"),
        (['for="1.2.3.4, for=198.51.100.7'], "198.51.100.7"),
    ],
)
def test_forwarded_is_read_alike(said: list[str], expected: str) -> None:
    assert client(FORWARDED, "10.0.0.1", *said) == expected


@given(binary(max_size=300))
def test_no_header_breaks_the_reading(said: bytes) -> None:
    for proxies in (FOR, FORWARDED):
        told = proxies.client("10.0.0.1", {b"x-forwarded-for": [said], b"forwarded": [said]})
        assert told


def test_without_proxies_nobody_is_believed() -> None:
    assert client(TrustedProxies(), "10.0.0.1", "198.51.100.7") == "10.0.0.1"
