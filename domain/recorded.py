"""What the log holds and who wrote it: the shapes shared by the store and the views."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from domain.ids import OrgId


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a key, a user, or the system itself (``id`` then names the command).

    An operator is the person who runs the installation, in an organization that is perhaps not
    theirs: it is told of the operator, not of a person.
    """

    kind: Literal["key", "user", "system", "operator"]
    id: str

    def as_dict(self) -> dict[str, str]:
        """The actor as events and their meta hold it."""
        return {"type": self.kind, "id": self.id}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Self:
        """The actor that an event or its meta holds."""
        return cls(held["type"], held["id"])


@dataclass(frozen=True, slots=True)
class Context:
    """One act of one actor for one organization; its ids stand in the meta of every event.

    ``request_id`` names this request, ``correlation_id`` the whole chain of acts it belongs to,
    ``causation_id`` the act that led to this one (None: a caller's own wish).
    """

    org_id: OrgId
    actor: Actor
    request_id: str
    correlation_id: str
    causation_id: str | None = None

    @property
    def meta(self) -> dict[str, Any]:
        """The meta of the events of this act, JSON-native."""
        return {
            "actor": self.actor.as_dict(),
            "requestId": self.request_id,
            "correlationId": self.correlation_id,
            "causationId": self.causation_id,
        }


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as the log stores it, whether or not it has its place in the log yet."""

    stream_id: UUID
    version: int
    event_id: UUID
    type: str
    data: Mapping[str, Any]
    meta: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Recorded(Happened):
    """An event with its place in the log of its organization."""

    org_id: OrgId
    position: int
