"""Keys for tests: what they do not do, because it could not be taken back."""

from typing import Any

from domain.errors import Forbidden
from packshot.edge.contract import Call


def refuse_test_key(call: Call[Any], limit: str) -> None:
    """Raise Forbidden for a key for tests; ``limit`` says what such a key does instead."""
    if call.key.is_test:
        raise Forbidden(
            "test_key",
            f"The key {call.key.prefix} is for tests, and such a key {limit}.",
            fix="Use a key that begins with pshot_live_.",
        )
