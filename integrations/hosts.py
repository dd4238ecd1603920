"""One spelling for a host, however it is written: the spelling that is checked and dialled."""

import re
from ipaddress import IPv4Address

import idna

from integrations.failures import RefusedUrl

HOST_MAX_CHARS = 253  # RFC 1035, 2.3.4, without the dot of the root
LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
BYTES_OF_AN_ADDRESS = 4
BYTE_MAX = 0xFF


def normalised_host(host: str) -> str:
    """A name in lower-case ASCII or an IPv4 address in dotted decimal; raises RefusedUrl."""
    plain = _ascii(host).removesuffix(".")
    labels = plain.split(".")
    # A host that ends in a number is an IPv4 address (WHATWG URL, "ends in a number checker"):
    # otherwise the resolver would find one where the check saw a name.
    if NUMBER.fullmatch(labels[-1]):
        return str(_ipv4(labels))
    if len(plain) > HOST_MAX_CHARS or not all(LABEL.fullmatch(label) for label in labels):
        raise _no_host()
    return plain


def _ascii(host: str) -> str:
    """UTS 46: full-width digits, circled digits and ideographic full stops become plain ones."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:  # idna's own errors are among them
        raise _no_host() from None


def _ipv4(labels: list[str]) -> IPv4Address:
    """The address of one to four numbers as inet_aton reads it (WHATWG URL, "IPv4 parser")."""
    if len(labels) > BYTES_OF_AN_ADDRESS or not all(NUMBER.fullmatch(label) for label in labels):
        raise _no_host()
    try:
        *first, last = (_number(label) for label in labels)
    except ValueError:  # an 8 or a 9 in an octal number
        raise _no_host() from None
    if any(number > BYTE_MAX for number in first) or last >> 8 * (BYTES_OF_AN_ADDRESS - len(first)):
        raise _no_host()
    return IPv4Address(sum(number << 24 - 8 * place for place, number in enumerate(first)) + last)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)


def _no_host() -> RefusedUrl:
    return RefusedUrl(
        "The host of the URL is neither a name nor an address.", fix="Write https://host/path."
    )
