"""From where somebody signs in: the browser's family, and an address that says little more."""

from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address
from typing import Any

from packshot.admin.shell.declaring import Visit
from packshot.commands.sessions import Device

# The first that stands in the header names it: most browsers also claim to be those below them.
FAMILIES: Sequence[tuple[str, str]] = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS: Sequence[tuple[str, str]] = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_of(visit: Visit[Any]) -> Device:
    """From where the visit comes."""
    said = visit.request.headers.get("user-agent", "")
    return Device(browser_of(said), short_address(visit.exchange.address))


def browser_of(user_agent: str) -> str:
    """The family and the system that a User-Agent header claims, such as Firefox on Linux."""
    family = next((name for sign, name in FAMILIES if sign in user_agent), "Another browser")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), None)
    return family if system is None else f"{family} on {system}"


def short_address(address: str) -> str:
    """The network that an address is of: enough to know it again, too little to find a person."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if not isinstance(parsed, IPv4Address):
        if parsed.ipv4_mapped is None:
            network = (part.lstrip("0") or "0" for part in parsed.exploded.split(":")[:3])
            return ":".join(network) + "::x"
        parsed = parsed.ipv4_mapped
    return str(parsed).rpartition(".")[0] + ".x"
