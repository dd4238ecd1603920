"""How a database address is shown."""

import pytest

from packshot.embedded.visit import without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:hidden@db.example:5433/shop", "shop at db.example:5433 as me"),
        ("postgresql://me:hid@den@db.example/shop", "shop at db.example as me"),
        ("postgresql:///shop?host=/run/pg&user=me&password=hidden", "shop at /run/pg as me"),
        ("postgresql://db.example/?dbname=shop&password=hidden", "shop at db.example"),
        ("postgres://me:hidden@one:1,two:2/shop?sslmode=require", "shop at one:1,two:2 as me"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str):
    assert without_password(address) == shown
