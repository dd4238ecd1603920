"""Which addresses are the public internet: every other one may be a way into somebody's network."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# IANA IPv4 Special-Purpose Address Registry (RFC 6890 and later), multicast and class E. Written
# out, since what the standard library calls global differs between its versions: is_global
# alone let 14 of the 42 addresses of our corpus through.
SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Only 2000::/3 is handed out as global unicast (RFC 4291, 2.4); these parts of it are not:
# protocol assignments with Teredo, benchmarks and ORCHID (2001::/23), and documentation.
GLOBAL_UNICAST = IPv6Network("2000::/3")
SPECIAL_V6 = (
    IPv6Network("2001::/23"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056: the four bytes after the prefix are one
ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214: these stand before the IPv4 address of a tunnel

# Where clouds keep the credentials of a machine: AWS, Azure, GCP and others at 169.254.169.254,
# ECS at 169.254.170.2 and .23, Oracle at 192.0.0.192, Alibaba at 100.100.100.200, and Azure's
# host at 168.63.129.16, which is a public address. No setting opens these.
METADATA = frozenset(
    ip_address(address)
    for address in (
        "169.254.169.254", "169.254.169.253", "169.254.169.123", "169.254.170.2",
        "169.254.170.23", "192.0.0.192", "100.100.100.200", "168.63.129.16",
        "fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::23", "fd20:ce::254",
    )
)  # fmt: skip


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, whatever form it is written in."""
    address = embedded(address)
    if address in METADATA:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in SPECIAL_V4)
    return (
        address.scope_id is None
        and address in GLOBAL_UNICAST
        and not any(address in network for network in SPECIAL_V6)
        and (int(address) >> 32) & 0xFFFFFFFF not in ISATAP
    )


def is_metadata(address: Address) -> bool:
    """Whether a cloud answers there with the credentials of the machine."""
    return embedded(address) in METADATA


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for: mapped, NAT64, 6to4; else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in SIX_TO_FOUR:
        return IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return address
