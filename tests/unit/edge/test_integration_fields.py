"""The address of a shop, as people write it."""

import pytest
from pydantic_core import PydanticCustomError

from packshot.edge.integration_fields import ShopAddress


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("HTTPS://Shop.EXAMPLE/Bridge/V1/", "https://shop.example/Bridge/V1"),
        (" https://shop.example:8443// ", "https://shop.example:8443"),
        ("http://[::FFFF:10.0.0.1]", "http://[::ffff:10.0.0.1]"),
        ("https://BÜCHER.example/A", "https://bücher.example/A"),
    ],
)
def test_scheme_and_host_are_lower_case_and_the_path_is_as_written(
    written: str, address: str
) -> None:
    assert ShopAddress().read(written) == address


@pytest.mark.parametrize(
    "written",
    ["", "shop.example", "https://", "https:///path", "ftp://shop.example", "https:/shop.example",
     "https://a@shop.example", "https://shop.example?a", "https://shop.example#a",
     "https://shop example", "https://[::1", "https://" + "a" * 1000, 7, None],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: object) -> None:
    with pytest.raises(PydanticCustomError):
        ShopAddress().read(written)
