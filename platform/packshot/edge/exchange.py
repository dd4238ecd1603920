"""One request from its arrival to its answer: what the edge knows about it so far."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from quart import request

from domain.ids import RequestId
from packshot.edge.credentials import Credentials
from packshot.edge.limits import UNTOUCHED, Decision

if TYPE_CHECKING:
    from packshot.store.keycache import KeyRecord

SCOPE_KEY = "packshot.exchange"


@dataclass(slots=True)
class Exchange:
    """One request and what became of it.

    ``address`` is the client's, ``route`` the declared path (never the one sent, which may hold
    anything), ``decision`` what the limiter said, ``client_ref`` the caller's own request id.
    """

    method: str
    path: str
    address: str
    credentials: Credentials
    client_ref: str | None
    request_id: str = field(default_factory=lambda: str(RequestId.new()))
    started_s: float = field(default_factory=perf_counter)
    decision: Decision = UNTOUCHED
    route: str = "-"
    status: int = 0
    key: "KeyRecord | None" = None

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the request arrived."""
        return round((perf_counter() - self.started_s) * 1000, 1)


def current_exchange() -> Exchange:
    """The exchange of the request that Quart is handling now."""
    scope: dict[str, Any] = request.scope  # type: ignore[assignment] # the guard adds its own entry
    exchange: Exchange = scope[SCOPE_KEY]
    return exchange
