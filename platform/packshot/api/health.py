"""GET /healthz and /readyz: is the process alive, and may requests be sent to it."""

from domain.errors import Unavailable
from packshot.edge.contract import Access, Call, NoFields, Reply, endpoint
from packshot.edge.shapes import Answer
from packshot.edge.state import ServingState


class HealthAnswer(Answer):
    """``degraded`` lists what is away and worked around."""

    status: str
    degraded: list[str]


@endpoint("GET", "/healthz", scope=Access.PUBLIC, answer=HealthAnswer)
async def healthz(_call: Call[NoFields]) -> Reply:
    """Answer that the process lives; nothing else is asked."""
    return Reply(HealthAnswer(status="ok", degraded=[]))


@endpoint("GET", "/readyz", scope=Access.PUBLIC, answer=HealthAnswer, refuses=("overloaded",))
async def readyz(call: Call[NoFields]) -> Reply:
    """Answer whether requests may be sent: the database is there and nobody is shutting down."""
    state: ServingState = call.state
    if state.is_draining:
        raise Unavailable("overloaded", "This process is shutting down.", fix="Use another one.")
    await call.services.database_ready()
    degraded = ["limiter"] if state.limiter.is_degraded else []
    return Reply(HealthAnswer(status="ready", degraded=degraded))
