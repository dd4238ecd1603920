"""Networks of addresses: read from CIDR notation, and asked whether they hold an address."""

from collections.abc import Collection, Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

LONGEST_TEXT = 49  # an IPv6 address written out with its IPv4 part, and /128


def read_network(text: str) -> Network:
    """The network of a CIDR; a bare address is a network of one.

    Raises ValueError, whose message says how it should be written: bits behind the prefix would
    say one thing and mean another, and an IPv4 network has one form.
    """
    if len(text) > LONGEST_TEXT or "%" in text or not text.isascii():
        raise ValueError("Write it as 203.0.113.0/24 or 2001:db8::/32.")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("Write it as 203.0.113.0/24 or 2001:db8::/32.") from None
    mapped = None if isinstance(network, IPv4Network) else network.network_address.ipv4_mapped
    if mapped is not None and network.prefixlen >= 96:  # noqa: PLR2004 - ::ffff:0:0/96, RFC 4291
        raise ValueError(f"Write it as {mapped}/{network.prefixlen - 96}.")
    prefix = text.partition("/")[0]
    if ip_address(prefix) != network.network_address:
        raise ValueError(f"Write it as {network}.")
    return network


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of CIDRs that were checked before."""
    return tuple(ip_network(text) for text in texts)


def read_address(text: str) -> Address | None:
    """The address of a text, an IPv4 one also where it came mapped into IPv6; None for no address.

    The zone of a link-local address is left out.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def holds(networks: Collection[Network], address: Address | None) -> bool:
    """Whether one of the networks holds the address; what is no address lies in none."""
    return address is not None and any(address in network for network in networks)
