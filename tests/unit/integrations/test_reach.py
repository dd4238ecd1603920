from ipaddress import ip_address

import pytest

from integrations.failures import RefusedUrl
from integrations.reach import AllowedTarget, Reach, parse_allowed
from integrations.urls import parse_url


def covers(allowed: str, address: str, port: int = 80) -> bool:
    return Reach(parse_allowed(allowed)).covers(ip_address(address), port)


def test_nothing_private_is_reached_unless_it_is_allowed() -> None:
    assert not covers("", "10.0.0.1")
    assert covers("10.0.0.0/8", "10.0.0.1")
    assert not covers("10.0.0.0/8", "192.168.0.1")


def test_a_network_without_a_port_is_reached_on_every_port_and_the_public_on_none_more() -> None:
    for port in (80, 443, 8443):
        assert covers("10.0.0.0/8", "10.0.0.1", port)

    assert not covers("10.0.0.0/8", "93.184.216.34", 8443)
    assert not covers("10.0.0.0/8", "192.168.0.1", 443)


def test_a_network_with_a_port_is_reached_on_no_other() -> None:
    reached = [port for port in (80, 443, 8443) if covers("10.0.0.0/8:8443", "10.0.0.1", port)]

    assert reached == [8443]


def test_a_public_address_is_reached_on_80_and_443() -> None:
    assert [port for port in (22, 80, 443, 8443) if covers("", "8.8.8.8", port)] == [80, 443]


def test_an_allowed_address_is_reached_in_its_mapped_form_and_in_no_tunnel() -> None:
    assert covers("10.0.0.1", "::ffff:10.0.0.1")
    assert not covers("10.0.0.1", "64:ff9b::a00:1")
    assert not covers("10.0.0.1", "2002:a00:1::")


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"])
def test_no_setting_opens_a_metadata_service(address: str) -> None:
    assert not covers("0.0.0.0/0,::/0", address)


def test_one_refused_address_refuses_all() -> None:
    reach = Reach()

    reach.require_addresses([ip_address("8.8.8.8"), ip_address("1.1.1.1")], 443)
    for addresses in (["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"]):
        with pytest.raises(RefusedUrl):
            reach.require_addresses([ip_address(text) for text in addresses], 443)


def test_a_port_that_no_entry_names_is_refused_before_any_lookup() -> None:
    reach = Reach(parse_allowed("10.0.0.0/8:8443"))

    reach.require_port(parse_url("https://a.example:8443/"))
    with pytest.raises(RefusedUrl, match="Port 22 is not called"):
        reach.require_port(parse_url("http://a.example:22/"))


def test_a_list_of_targets_is_read() -> None:
    assert parse_allowed(" 10.0.0.0/8, 127.0.0.1:8080,[fd00::/8]:8443 ,fd01::1 ") == (
        AllowedTarget.parse("10.0.0.0/8"),
        AllowedTarget.parse("127.0.0.1/32:8080"),
        AllowedTarget.parse("[fd00::/8]:8443"),
        AllowedTarget.parse("fd01::1/128"),
    )
    assert parse_allowed("") == parse_allowed("  ") == ()


@pytest.mark.parametrize(
    "text",
    ["nonsense", "10.0.0.0/8,", ",", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8:", "10.0.0.0/8:0",
     "10.0.0.0/8:65536", "10.0.0.0/8:http", "10.0.0.0/8:\uff18\uff10",
     "[fd00::/8]", "[fd00::/8", "[fd00::/8]8443", "localhost", "shop.example:80", "*"],
)  # fmt: skip
def test_nonsense_in_the_list_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_allowed(text)


def refused_fix(url: str, address: str) -> str:
    """What is told of a URL whose host has that address, where nothing private is allowed."""
    target, addresses = parse_url(url), [ip_address("8.8.8.8"), ip_address(address)]
    try:
        Reach().require_port(target)
        Reach().require_addresses(addresses, target.port)
    except RefusedUrl as refused:
        return refused.fix
    return "not refused"


@pytest.mark.parametrize(
    ("url", "address"),
    [("http://a.example:4000/", "8.8.8.8"), ("http://a.example/", "10.0.0.1")],
)
def test_a_target_that_an_operator_can_allow_is_told_by_which_setting(
    url: str, address: str
) -> None:
    assert "PACKSHOT_ALLOWED_PRIVATE_CIDRS" in refused_fix(url, address)


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "http://169.254.169.254/", "http://169.254.169.254:8080/",
     "http://[::ffff:169.254.169.254]:8080/"],
)  # fmt: skip
def test_a_metadata_service_is_told_no_setting(url: str) -> None:
    assert refused_fix(url, "169.254.169.254") == "Use a host on the public internet."
