from ipaddress import IPv6Address

import pytest

from integrations.failures import RefusedUrl
from integrations.urls import Target, parse_url

LOOPBACK = "127.0.0.1"
# Other spellings of an address, and the one that the check and the dialling see.
SPELLINGS = {
    "http://127.0.0.1/": LOOPBACK,
    "http://2130706433/": LOOPBACK,
    "http://0x7f000001/": LOOPBACK,
    "http://0X7F.0x0.0x0.0x1/": LOOPBACK,
    "http://0177.0.0.1/": LOOPBACK,
    "http://0177.0.0.01/": LOOPBACK,
    "http://017700000001/": LOOPBACK,
    "http://127.1/": LOOPBACK,
    "http://127.0.1/": LOOPBACK,
    "http://127.0.0.1./": LOOPBACK,
    "http://①②⑦.0.0.1/": LOOPBACK,
    "http://\uff11\uff12\uff17.0.0.1/": LOOPBACK,  # full-width digits
    "http://127。0。0。1/": LOOPBACK,
    "http://127\uff0e0\uff0e0\uff0e1/": LOOPBACK,  # full-width full stops
    "http://127\u00ad.0.0.1/": LOOPBACK,  # a soft hyphen is nothing
    "http://127。0.0.1/": LOOPBACK,
    "http://0/": "0.0.0.0",
    "http://0x/": "0.0.0.0",
    "http://[::1]/": "::1",
    "http://[0:0:0:0:0:0:0:1]/": "::1",
    "http://[::]/": "::",
    "http://169.254.169.254/latest": "169.254.169.254",
    "http://0xa9fea9fe/latest": "169.254.169.254",
    "http://0251.0376.0251.0376/": "169.254.169.254",
    "http://localhost/": "localhost",
    "http://LOCALHOST./": "localhost",
    "http://\uff4c\uff4fcalhost/": "localhost",
    "http://127.0.0.1#@8.8.8.8/": LOOPBACK,
    "http://127.0.0.1?@8.8.8.8/": LOOPBACK,
    "HTTP://Example.COM/": "example.com",
    "https://bücher.example/": "xn--bcher-kva.example",
    "https://faß.example/": "xn--fa-hia.example",
}
NO_TARGETS = [
    "", "example.com", "//example.com/", "http:example.com", "http:/example.com", "http://",
    "http:///x", "https://?x", "file:///etc/passwd", "gopher://x/", "ftp://example.com/",
    "javascript://example.com/", "unix:///var/run/docker.sock", " http://example.com/",
    "http://user@127.0.0.1/", "http://user:pass@example.com/", "http://8.8.8.8@127.0.0.1/",
    "http://@example.com/", "http://example.com\\@127.0.0.1/", "http://8.8.8.8\\.example.com/",
    "http://exam ple.com/", "http://example.com\t/", "http://example.com/\r\nx-evil: 1",
    "http://example.com/\x00", "http://%31%32%37.0.0.1/", "http://127.0.0.1%2f@example.com/",
    "http://[fe80::1%25lo]/", "http://[fe80::1%lo]/", "http://[::1/", "http://[::1]x/", "http://[]/",
    "http://[v1.a]/", "http://::1/", "http://[127.0.0.1]/", "http://1.2.3.4.5/", "http://256.1/",
    "http://127.0.0.0x100/", "http://1.2.3.08/", "http://4294967296/", "http://example.0x7f/",
    "http://.example.com/", "http://example..com/", "http://example.com../", "http://-a.example/",
    "http://a℀b.example/", "http://example.com:http/", "http://example.com:0/",
    "http://example.com:65536/", "http://example.com:-1/", "http://example.com:80:80/",
    "http://example.com:\uff18\uff10/", "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 130 + "example/", "http://example.com/\ud800",
    "http://example.com/" + "a" * 2048,
]  # fmt: skip


@pytest.mark.parametrize(("url", "host"), SPELLINGS.items())
def test_a_host_has_one_spelling(url: str, host: str) -> None:
    assert parse_url(url).host == host


@pytest.mark.parametrize("host", ["::ffff:7f00:1", "::ffff:127.0.0.1", "::FFFF:127.0.0.1"])
def test_a_mapped_address_is_an_address(host: str) -> None:
    assert parse_url(f"http://[{host}]/").address == IPv6Address("::ffff:127.0.0.1")


@pytest.mark.parametrize("url", NO_TARGETS)
def test_what_is_no_plain_url_of_a_host_is_refused(url: str) -> None:
    with pytest.raises(RefusedUrl) as refused:
        parse_url(url)

    assert refused.value.detail.endswith(".")
    assert refused.value.fix.endswith(".")


def test_a_refusal_does_not_repeat_the_password() -> None:
    with pytest.raises(RefusedUrl) as refused:
        parse_url("https://shop:hunter2@example.com/")

    assert "hunter2" not in f"{refused.value.detail}{refused.value.fix}"


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://a.example", Target("https", "a.example", 443, "/"), "a.example"),
        ("https://a.example:443/x", Target("https", "a.example", 443, "/x"), "a.example"),
        ("http://a.example:443?q", Target("http", "a.example", 443, "/?q"), "a.example:443"),
        ("http://a.example:/#top", Target("http", "a.example", 80, "/"), "a.example"),
        ("http://a.example/ä b?c=%20d#e", Target("http", "a.example", 80, "/%C3%A4%20b?c=%20d"),
         "a.example"),
        ("http://[2606:4700::1111]:8080/", Target("http", "2606:4700::1111", 8080, "/"),
         "[2606:4700::1111]:8080"),
    ],
)  # fmt: skip
def test_a_url_is_read_as_it_will_be_asked_for(url: str, target: Target, authority: str) -> None:
    assert parse_url(url) == target
    assert target.authority == authority
