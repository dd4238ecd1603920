"""What tests start from: events that happened, an actor, a store, a founded organization."""

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from eventsourcing.domain import Aggregate

from domain.ids import JobId, OrgId
from domain.job import Job
from domain.organization import Organization
from domain.recorded import Actor, Context
from packshot.commands.organizations import Organizations
from packshot.commands.people import People
from packshot.store.codec import Codec
from packshot.store.events import EventStore
from packshot.store.head import Signer
from packshot.store.pool import Pools
from packshot.store.secrets import Secrets
from packshot.wiring import AGGREGATES, INLINE_VIEWS

SECRETS = Secrets(
    peppers={1: bytes(range(32))},
    log_signing_seed=hmac.digest(b"t", b"log", "sha256"),
    key_encryption_key=hmac.digest(b"t", b"keys", "sha256"),
)


def context(org_id: OrgId) -> Context:
    """An act of a key of that organization."""
    return Context(org_id, Actor("key", "key_of_a_test"), f"req_{uuid4()}", correlation_id="cor_1")


def store_of(pools: Pools) -> EventStore:
    """The product's own store over these pools."""
    return EventStore(
        pools,
        codec=Codec(AGGREGATES),
        views=INLINE_VIEWS,
        signer=Signer(SECRETS.log_signing_seed),
    )


def organizations_of(store: EventStore) -> Organizations:
    """The use cases of organizations on that store."""

    def clock() -> datetime:
        return datetime.now(UTC)

    return Organizations(store, SECRETS, People(store, clock), clock)


async def founded(store: EventStore, name: str) -> OrgId:
    """An organization with a log of one event."""
    org_id = OrgId.new()
    await store.open_log(context(org_id), Organization.create(org_id, name=name))
    return org_id


def requested_job(**wish: Any) -> Job:
    """A job that was asked for and not begun."""
    fields: dict[str, Any] = {
        "operation": "process",
        "recipe": {"width": 2000},
        "recipe_hash": "0" * 64,
        "input_sha256": "1" * 64,
        "input_bytes": 1000,
    }
    return Job.request(JobId.new(), **(fields | wish))


class Story:
    """given(history).when(verb).then(events): the past, the act, and what happened.

    The aggregate is rebuilt from its history as replay would rebuild it, never taken as it was.
    """

    def __init__(self, history: Sequence[Aggregate.Event]) -> None:
        self.aggregate: Any = None
        for event in history:
            self.aggregate = event.mutate(self.aggregate)

    def when(self, verb: Callable[[Any], None]) -> "Story":
        """Do the act."""
        verb(self.aggregate)
        return self

    def then(self, *expected: tuple[type[Aggregate.Event], dict[str, Any]]) -> None:
        """Check that exactly these events happened, with these fields."""
        happened = [
            (type(event), {name: event.__dict__[name] for name in fields})
            for event, (_, fields) in zip(self.aggregate.collect_events(), expected, strict=True)
        ]
        assert happened == list(expected)


def given(*aggregates: Aggregate) -> Story:
    """The history that these aggregates collected so far."""
    return Story([event for aggregate in aggregates for event in aggregate.collect_events()])
