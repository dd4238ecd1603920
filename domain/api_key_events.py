"""What can happen to an API key: its events, as the log keeps them for ever."""

from typing import Any

from eventsourcing.domain import Aggregate


class Event(Aggregate.Event):
    """Something that happened to a key."""

    TOPIC = "api-key.event"


class Created(Event, Aggregate.Created):
    """The base of creation that the library asks for; never recorded itself."""

    TOPIC = "api-key.created.v1"


class Issued(Created):
    """The key was issued; ``mac`` is HMAC-SHA-256 of its text with that pepper, in hex.

    ``expires_at`` is ISO 8601; None for a key without an end. ``responsible_id`` is the person
    who answers for it, None for a key of the organization's own; events from before it was
    recorded lack it. ``team_id`` is None for a key of the whole organization. Without
    ``allowed_cidrs`` it works from everywhere, without ``rate_limit`` (limit, window_s) as often
    as the organization may ask.
    """

    TOPIC = "api-key.issued.v1"
    name: str
    environment: str
    kid: str
    mac: str
    pepper_id: int
    scopes: list[str]
    expires_at: str | None = None
    responsible_id: str | None = None
    team_id: str | None = None
    allowed_cidrs: list[str] | None = None
    rate_limit: dict[str, Any] | None = None


class Adopted(Event):
    """Another person answers for the key from now on."""

    TOPIC = "api-key.adopted.v1"
    name: str
    responsible_id: str


class Renamed(Event):
    """The key is called something else."""

    TOPIC = "api-key.renamed.v1"
    name: str
    former_name: str


class Rescoped(Event):
    """The key may do something else."""

    TOPIC = "api-key.rescoped.v1"
    name: str
    scopes: list[str]
    former_scopes: list[str]


class Rescheduled(Event):
    """The key ends at another time, ISO 8601; None for never."""

    TOPIC = "api-key.rescheduled.v1"
    name: str
    expires_at: str | None
    former_expires_at: str | None


class Confined(Event):
    """The key works from these networks only; from everywhere where there are none."""

    TOPIC = "api-key.confined.v1"
    name: str
    allowed_cidrs: list[str]
    former_allowed_cidrs: list[str]


class Limited(Event):
    """The key may be used that often (limit, window_s); None for no limit of its own."""

    TOPIC = "api-key.limited.v1"
    name: str
    rate_limit: dict[str, Any] | None
    former_rate_limit: dict[str, Any] | None


class Expiring(Event):
    """The key's end is near: a begun day is counted in ``days_left``."""

    TOPIC = "api-key.expiring.v1"
    name: str
    days_left: int
    expires_at: str


class Expired(Event):
    """The key's time is over."""

    TOPIC = "api-key.expired.v1"
    name: str
    expires_at: str


class Rotated(Event):
    """The key has a new secret; every one before it works until ``former_until`` at most."""

    TOPIC = "api-key.rotated.v1"
    name: str
    kid: str
    mac: str
    pepper_id: int
    former_until: str


class Revoked(Event):
    """The key works no more.

    Of one that was reported as leaked, ``source`` is where it was found, in the words of who
    reported it, and ``address`` is theirs.
    """

    TOPIC = "api-key.revoked.v1"
    name: str
    reason: str | None
    source: str | None = None
    address: str | None = None
