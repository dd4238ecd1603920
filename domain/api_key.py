"""An API key: issued to an organization, known by its kid, held only as a MAC."""

from typing import Self

from eventsourcing.domain import Aggregate, event

from domain.errors import InvalidInput
from domain.ids import KeyId
from domain.key_text import KeyText
from domain.scopes import Scope

NAME_MAX_CHARACTERS = 100


class ApiKey(Aggregate):
    """A key from its issue on; the secret itself is never part of it."""

    TOPIC = "api-key"

    class Event(Aggregate.Event):
        """Something that happened to a key."""

        TOPIC = "api-key.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "api-key.created.v1"

    class Issued(Created):
        """The key was issued; ``mac`` is HMAC-SHA-256 of its text with that pepper, in hex."""

        TOPIC = "api-key.issued.v1"
        name: str
        environment: str
        kid: str
        mac: str
        pepper_id: int
        scopes: list[str]

    @classmethod
    def issue(
        cls,
        key_id: KeyId,
        *,
        name: str,
        text: KeyText,
        mac: bytes,
        pepper_id: int,
        scopes: tuple[Scope, ...],
    ) -> Self:
        """Issue a key; raises InvalidInput for a name or a set of scopes that cannot be."""
        if not 1 <= len(name) <= NAME_MAX_CHARACTERS or not name.isprintable():
            raise InvalidInput(
                "invalid_parameter",
                f"A key's name has 1 to {NAME_MAX_CHARACTERS} printable characters.",
                param="name",
                fix="Name the key after the program that will use it.",
            )
        if not scopes:
            raise InvalidInput(
                "invalid_parameter",
                "A key holds at least one scope.",
                param="scopes",
                fix="Choose the scopes that the program needs.",
            )
        return cls._create(
            cls.Issued,
            id=key_id.uuid,
            name=name,
            environment=text.environment,
            kid=text.kid,
            mac=mac.hex(),
            pepper_id=pepper_id,
            scopes=sorted(set(scopes)),
        )

    @event(Issued)
    def __init__(
        self, *, name: str, environment: str, kid: str, mac: str, pepper_id: int, scopes: list[str]
    ) -> None:
        self.name = name
        self.environment = environment
        self.kid = kid
        self.mac = mac
        self.pepper_id = pepper_id
        self.scopes = scopes
