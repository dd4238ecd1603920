"""What a serving process knows of itself, beside its services."""

from collections.abc import Callable
from dataclasses import dataclass, field

from packshot.edge.event_streams import OpenStreams
from packshot.edge.limiter import Limiter


@dataclass(slots=True)
class ServingState:
    """``document`` is the OpenAPI document as JSON, ``collection`` the Postman collection.

    ``is_draining`` is set once, when the process was told to stop.
    """

    limiter: Limiter
    document: bytes
    collection: bytes
    is_draining: bool = False
    streams: OpenStreams = field(default_factory=OpenStreams)
    on_drain: list[Callable[[], None]] = field(default_factory=list)

    def drain(self) -> None:
        """Finish what runs, and end at once what only waits."""
        self.is_draining = True
        for callback in self.on_drain:
            callback()
