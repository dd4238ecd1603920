"""URLs of strangers, read once: what this module answers is what is checked and what is dialled."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote

from integrations.addresses import Address
from integrations.failures import RefusedUrl
from integrations.hosts import normalised_host

URL_MAX_CHARS = 2048
PORTS = {"http": 80, "https": 443}
PORT_MAX = 65535

# RFC 3986, appendix B, with its // required; the fragment is for the client and never sent.
PARTS = re.compile(r"(?P<scheme>[a-zA-Z]+)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)", re.DOTALL)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
UNQUOTED = "%/:?[]@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL names: ``host`` is lower-case ASCII or a canonical address without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> Address | None:
        """The address, if the host is one instead of a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Target:
    """Read a URL; raises RefusedUrl for what is no plain http or https URL of a host.

    The host comes back as every later step uses it: IDNA applied, one trailing dot removed, and
    an IPv4 address in octal, hexadecimal, one number or full-width digits in its usual form.
    """
    if len(url) > URL_MAX_CHARS:
        raise RefusedUrl(
            f"The URL has {len(url)} characters; at most {URL_MAX_CHARS} are allowed.",
            fix="Use a shorter URL.",
        )
    parts = PARTS.match(url)
    if parts is None or CONTROL.search(url):
        raise RefusedUrl("This is not an http or https URL.", fix="Write https://host/path.")
    scheme = parts["scheme"].lower()
    if scheme not in PORTS:
        raise RefusedUrl("Only http and https URLs are called.", fix="Use an https URL.")
    host, port = _authority(parts["authority"])
    return Target(scheme, host, PORTS[scheme] if port is None else port, _path(parts["rest"]))


def _authority(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise RefusedUrl(
            "The URL has a user name or password before its host.",
            fix="Remove everything between // and @, the @ included.",
        )
    if authority.startswith("["):
        inside, bracket, after = authority[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise _no_host()
        return _ipv6(inside), _port(after[1:])
    host, _, port = authority.partition(":")
    return normalised_host(host), _port(port)


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise _no_host() from None
    if address.scope_id is not None:  # a zone names a network card of this machine
        raise _no_host()
    return str(address)


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= PORT_MAX):  # noqa: PLR2004 - digits of 65535
        raise RefusedUrl("The port of the URL is not a number up to 65535.", fix="Leave it out.")
    return int(text)


def _path(rest: str) -> str:
    try:
        quoted = quote(rest, safe=UNQUOTED)
    except UnicodeEncodeError:  # half of a surrogate pair
        raise RefusedUrl(
            "The URL holds characters that are no text.", fix="Percent-encode the path."
        ) from None
    return quoted if quoted.startswith("/") else f"/{quoted}"


def _no_host() -> RefusedUrl:
    return RefusedUrl("The host of the URL is no address.", fix="Write https://host/path.")
