"""Networks say one thing in one way, and hold what lies in them."""

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses, text

from domain.networks import holds, read_address, read_network


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.7", "203.0.113.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    ],
)
def test_a_network_has_one_form(written: str, network: str) -> None:
    assert str(read_network(written)) == network


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("", "203.0.113.0/24"),
        ("example.com", "203.0.113.0/24"),
        ("203.0.113.0/33", "203.0.113.0/24"),
        ("203.0.113.0/-1", "203.0.113.0/24"),
        ("203.0.113", "203.0.113.0/24"),
        ("fe80::1%eth0", "2001:db8::/32"),
        ("٢٠٣.0.113.0/24", "203.0.113.0/24"),
        ("1" * 10_000, "203.0.113.0/24"),
        ("2130706433", "203.0.113.0/24"),
        ("*", "203.0.113.0/24"),
    ],
)
def test_nonsense_is_refused_with_how_to_write_it(written: str, fix: str) -> None:
    with pytest.raises(ValueError, match=fix.replace(".", r"\.")):
        read_network(written)


@given(ip_addresses())
def test_a_network_of_one_holds_its_address_and_everything_holds_all_of_a_kind(
    address: object,
) -> None:
    read = read_address(str(address))

    assert holds([read_network(str(read))], read)
    assert holds([read_network("0.0.0.0/0"), read_network("::/0")], read)


def test_a_mapped_address_is_the_ipv4_one() -> None:
    assert holds([read_network("203.0.113.0/24")], read_address("::ffff:203.0.113.9"))
    assert not holds([read_network("::/0")], read_address("::ffff:203.0.113.9"))
    assert holds([read_network("fe80::/10")], read_address("fe80::1%eth0"))


@given(text(max_size=60))
def test_no_text_breaks_the_reading_of_an_address(written: str) -> None:
    address = read_address(written)

    assert address is None or holds([read_network(str(address))], address)
    assert not holds([], address)
    assert not holds([read_network("0.0.0.0/0"), read_network("::/0")], None)
