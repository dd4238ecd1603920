"""How often a key may be used by itself, besides the limit of its organization."""

from dataclasses import dataclass
from typing import Any, Self

MOST_REQUESTS = 1_000_000
LONGEST_WINDOW_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests in so many seconds, unweighted: as many at once, then evenly.

    ``limit`` is 1 to 1,000,000 and ``window_s`` 1 to 86,400.
    """

    limit: int
    window_s: int

    @classmethod
    def from_dict(cls, told: dict[str, Any] | None) -> Self | None:
        """The limit that an event tells; None for none."""
        return None if told is None else cls(told["limit"], told["window_s"])

    def as_dict(self) -> dict[str, int]:
        """The limit as events tell it."""
        return {"limit": self.limit, "window_s": self.window_s}


# A key for tests is for trying things out: as much as a person clicks, and no load.
OF_TEST_KEYS = RateLimit(60, 60)
