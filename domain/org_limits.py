"""How much an organization may do: the numbers of its own, or those of everybody."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class OrgLimits:
    """The limits of one organization.

    ``burst`` weighted requests at once, then ``per_minute``; ``at_once`` requests of heavy work
    side by side; ``monthly_pictures`` made in a calendar month (None: any number). Without numbers
    of its own they are those of the HTTP API's "Limits".
    """

    burst: int = 1000
    per_minute: int = 6000
    at_once: int = 64
    monthly_pictures: int | None = None

    LARGEST: ClassVar[Mapping[str, int]] = {
        "burst": 100_000,
        "per_minute": 1_000_000,
        "at_once": 1000,
        "monthly_pictures": 1_000_000_000,
    }

    def __post_init__(self) -> None:
        """Raise InvalidInput for a number that no organization can be given."""
        for field in fields(self):
            value, least = getattr(self, field.name), 0 if field.name == "monthly_pictures" else 1
            if value is not None and not least <= value <= self.LARGEST[field.name]:
                raise InvalidInput(
                    "invalid_parameter",
                    f"{field.name} is from {least} to {self.LARGEST[field.name]}; got {value}.",
                    param=field.name,
                    allowed={"min": least, "max": self.LARGEST[field.name]},
                    fix="Choose a number within the range.",
                )

    @classmethod
    def of(cls, told: Mapping[str, Any] | None) -> Self:
        """The limits as ``as_dict`` wrote them; None are those of everybody."""
        if told is None:
            return cls()
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in told.items() if name in known})

    def as_dict(self) -> dict[str, int | None]:
        """The numbers, JSON-native."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
