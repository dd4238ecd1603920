"""What the outbound client may reach: the public internet, and what an operator has allowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self

from integrations.addresses import Address, is_metadata, is_public
from integrations.failures import RefusedUrl
from integrations.urls import PORT_MAX, PORTS, Target

PUBLIC_PORTS = frozenset(PORTS.values())
HOW_TO_ALLOW = (
    "an operator can allow this one with PACKSHOT_ALLOWED_PRIVATE_CIDRS (see docs/jobs.md)"
)


@dataclass(frozen=True, slots=True)
class AllowedTarget:
    """A private network that may be called: on ``port``, or without one on any.

    Who names a network of their own means what runs there, and that is rarely on 443.
    """

    network: IPv4Network | IPv6Network
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``CIDR`` or ``CIDR:port``, for IPv6 ``[CIDR]:port``; raises ValueError."""
        cidr, port = text, ""
        if text.startswith("["):
            cidr, bracket, port = text[1:].partition("]")
            if not bracket or not port.startswith(":"):
                raise ValueError(f"{text!r} is not [CIDR]:port")
            port = port[1:]
        elif text.count(":") == 1:
            cidr, _, port = text.partition(":")
        if cidr == text:
            return cls(ip_network(cidr))
        if not (port.isascii() and port.isdigit() and 0 < int(port) <= PORT_MAX):
            raise ValueError(f"{text!r} has no port from 1 to {PORT_MAX} after its colon")
        return cls(ip_network(cidr), int(port))

    def covers(self, address: Address, port: int) -> bool:
        """Whether this entry allows that address and port. Only ::ffff: is another's spelling."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return self.port in {None, port} and address in self.network


def parse_allowed(text: str) -> tuple[AllowedTarget, ...]:
    """Read a comma-separated list of targets, empty for none; raises ValueError for nonsense."""
    entries = [entry.strip() for entry in text.split(",")] if text.strip() else []
    return tuple(AllowedTarget.parse(entry) for entry in entries)


@dataclass(frozen=True, slots=True)
class Reach:
    """The rule of where a call may go."""

    allowed: Sequence[AllowedTarget] = ()

    def require_port(self, target: Target) -> None:
        """Raise RefusedUrl for a port that no address could be called on."""
        if target.port in PUBLIC_PORTS:
            return
        if target.address is not None and is_metadata(target.address):
            raise _metadata()
        if not any(entry.port in {None, target.port} for entry in self.allowed):
            raise RefusedUrl(
                f"Port {target.port} is not called; 80 and 443 are.",
                fix=f"Use port 443; {HOW_TO_ALLOW}.",
            )

    def require_addresses(self, addresses: Sequence[Address], port: int) -> None:
        """Raise RefusedUrl if one of the addresses may not be called; the others do not help."""
        refused = [address for address in addresses if not self.covers(address, port)]
        if any(is_metadata(address) for address in refused):
            raise _metadata()
        if refused:
            raise RefusedUrl(
                "The host is, or resolves to, an address that is not called: it is private, "
                "local or reserved, or not allowed with this port.",
                fix=f"Use a host on the public internet; {HOW_TO_ALLOW}.",
            )

    def covers(self, address: Address, port: int) -> bool:
        """Whether an address may be called on a port."""
        if is_metadata(address):
            return False
        if port in PUBLIC_PORTS and is_public(address):
            return True
        return any(entry.covers(address, port) for entry in self.allowed)


def _metadata() -> RefusedUrl:
    """No setting opens these, so the refusal names none."""
    return RefusedUrl(
        "The host is, or resolves to, the metadata service of a cloud, which is never called.",
        fix="Use a host on the public internet.",
    )
