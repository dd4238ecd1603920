"""What a serving process knows of itself, beside its services."""

from dataclasses import dataclass

from packshot.edge.limiter import Limiter


@dataclass(slots=True)
class ServingState:
    """``document`` is the OpenAPI document as JSON.

    ``is_draining`` is set once, when the process was told to stop.
    """

    limiter: Limiter
    document: bytes
    is_draining: bool = False
