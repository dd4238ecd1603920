"""GET /api/v1/events: what happened, for programs: in order, from any position on, waited for."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import PydanticCustomError

from domain.errors import Unauthenticated
from domain.scopes import Scope
from packshot.commands.public_events import PUBLIC_TYPES, Stretch, matching
from packshot.edge.admitted import may_still_read
from packshot.edge.bodies import PulledBody, unless_client_leaves
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.fields import ReadField, shown
from packshot.edge.forms import Form
from packshot.edge.paging import DEFAULT_ROWS, MOST_ROWS
from packshot.edge.public_events import EventAnswer, event_answer
from packshot.edge.quantities import WholeNumber
from packshot.edge.shapes import Answer

LARGEST_POSITION = 10**18 - 1
LONGEST_WAIT_S = 25
LOOK_EVERY_S = 0.25
LONGEST_TYPES = 1000


@dataclass(frozen=True)
class TypesField(ReadField):
    """Public types, or ``noun.*``, separated by commas; read as the topics that they stand for."""

    def read(self, value: object) -> frozenset[str]:
        """Read the types."""
        text = value if isinstance(value, str) and len(value) <= LONGEST_TYPES else ""
        topics: set[str] = set()
        for word in text.split(","):
            found = matching(word.strip())
            if not found:
                allowed = sorted(PUBLIC_TYPES.values())
                raise PydanticCustomError(
                    "invalid",
                    "must be types such as job.succeeded or job.*, separated by commas; got {got}.",
                    {"got": shown(word), "allowed": {"values": allowed}, "example": "job.*"},
                )
            topics.update(found)
        return frozenset(topics)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the types."""
        return {"type": ["string", "null"], "maxLength": LONGEST_TYPES, "examples": ["job.*"]}


class EventsForm(Form):
    """Which events, and how long to wait for the next one."""

    after: Annotated[int, WholeNumber(0, LARGEST_POSITION, example=0)] = Field(
        0, description="Only what follows this position: nextAfter of the answer before."
    )
    types: Annotated[frozenset[str] | None, TypesField()] = Field(
        None, description="Only these types, such as job.succeeded,publish.*; all when left out."
    )
    wait: Annotated[int, WholeNumber(0, LONGEST_WAIT_S, example=20)] = Field(
        0, description="Seconds to wait where there is nothing yet."
    )
    limit: Annotated[int, WholeNumber(1, MOST_ROWS, example=DEFAULT_ROWS)] = Field(
        DEFAULT_ROWS, description="How many to answer at most."
    )


class EventsAnswer(Answer):
    """Events, oldest first; ask again with ``nextAfter``, at once where ``hasMore`` says so."""

    data: list[EventAnswer]
    next_after: int
    has_more: bool


@endpoint(
    "GET",
    "/api/v1/events",
    scope=Scope.AUDIT_READ,
    form=EventsForm,
    answer=EventsAnswer,
    refuses=("concurrency_limited", "overloaded"),
)
async def list_events(call: Call[EventsForm]) -> Reply:
    """Answer what happened after a position, or wait for it; each event once, in its order."""
    call.state.streams.require_room(call.key.org_id)
    body = call.request.body
    assert isinstance(body, PulledBody)
    with call.state.streams.held(call.key.org_id):
        stretch = await unless_client_leaves(body, _waited_for(call))
    told = [await event_answer(call.services, happened) for happened in stretch.events]
    return Reply(EventsAnswer(data=told, next_after=stretch.position, has_more=stretch.has_more))


async def _waited_for(call: Call[EventsForm]) -> Stretch:
    """The next events; without any, what was looked at when the time was over."""
    form, loop = call.form, asyncio.get_running_loop()
    topics = PUBLIC_TYPES.keys() if form.types is None else form.types
    until_s, position, has_waited = loop.time() + form.wait, form.after, False
    while True:
        stretch = await call.services.public_events.after(
            call.key.org_id, position, topics=topics, limit=form.limit
        )
        position = stretch.position
        left_s = until_s - loop.time()
        if stretch.events or left_s <= 0 or call.state.is_draining:
            break
        if not stretch.has_more:
            await asyncio.sleep(min(LOOK_EVERY_S, left_s))
            has_waited = True
    if has_waited and not await may_still_read(call):
        raise Unauthenticated("key_revoked", "The key was taken back meanwhile.")
    return stretch
