"""What a serving process knows of itself, beside its services."""

from collections.abc import Callable
from dataclasses import dataclass, field

from packshot.edge.event_streams import OpenStreams
from packshot.edge.limiter import Limiter
from packshot.edge.places import Places

# Each is a whole log recomputed or written out, on the loop that everybody else is answered by.
MOST_READINGS = 8
MOST_READINGS_OF_AN_ORGANIZATION = 2


def _readings() -> OpenStreams:
    return OpenStreams(
        MOST_READINGS,
        MOST_READINGS_OF_AN_ORGANIZATION,
        detail="Too many exports and verifications of the log run at once.",
        fix="Wait for the end of one.",
    )


@dataclass(slots=True)
class ServingState:
    """``document`` is the OpenAPI document as JSON, ``collection`` the Postman collection.

    ``places`` are held by heavy requests. ``streams`` counts those of events, ``readings`` those of
    whole logs.
    ``is_draining`` is set once, when the process was told to stop.
    """

    limiter: Limiter
    document: bytes
    collection: bytes
    is_draining: bool = False
    streams: OpenStreams = field(default_factory=OpenStreams)
    readings: OpenStreams = field(default_factory=_readings)
    places: Places = field(init=False)
    on_drain: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.places = Places(self.limiter)

    def drain(self) -> None:
        """Finish what runs, and end at once what only waits."""
        self.is_draining = True
        for callback in self.on_drain:
            callback()
