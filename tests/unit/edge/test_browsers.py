"""What a session tells of where it is used: a browser's family, a system, and a network."""

import pytest

from packshot.admin.shell.browsers import browser_of, short_address

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/149.0 Safari/537.36"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/149.0", "Edge on Windows"),
        (f"{CHROME} OPR/120.0", "Opera on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/1 Firefox/149.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/149.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0", "Another browser"),
        ("", "Another browser"),
        ("<script>alert(1)</script>", "Another browser"),
    ],
)
def test_a_browser_is_told_by_its_family(said: str, told: str) -> None:
    assert browser_of(said) == told


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("192.0.2.77", "192.0.2.x"),
        ("::ffff:192.0.2.77", "192.0.2.x"),
        ("2001:db8:1:2::77", "2001:db8:1::x"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_an_address_is_told_as_its_network(address: str, told: str) -> None:
    assert short_address(address) == told
