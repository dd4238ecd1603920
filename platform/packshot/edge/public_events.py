"""What programs are told of an event: its public type, and the thing as it was then.

A job is told as its webhooks tell it. Nothing else of the log comes along: no meta, no topic, and
of a key nothing that proves it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from domain.api_key import ApiKey
from domain.connection import Connection
from domain.ids import EventId, IntegrationId, KeyId, SyncId
from domain.job import Job
from domain.key_text import prefix_of
from domain.publish import Publish
from domain.recorded import Recorded
from packshot.commands.public_events import PUBLIC_TYPES
from packshot.commands.results import results_of
from packshot.edge.integration_shapes import IntegrationAnswer, integration_answer
from packshot.edge.job_shapes import JobAnswer, job_answer
from packshot.edge.publish_shapes import PublishAnswer, publish_answer
from packshot.edge.shapes import Answer, Time
from projections.histories import find_beginners

if TYPE_CHECKING:
    from packshot.wiring import Services


class KeyEventAnswer(Answer):
    """A key as it was then, without anything that proves it."""

    key_id: str
    prefix: str
    name: str
    environment: str
    scopes: list[str]
    expires_at: Time | None
    revoked_at: Time | None
    reason: str | None


class SyncedAnswer(Answer):
    """A catalog that was read to its end: how many listings, how many new, changed or gone."""

    sync_id: str
    integration_id: str
    items: int
    changed: int
    removed: int


Told = JobAnswer | PublishAnswer | KeyEventAnswer | IntegrationAnswer | SyncedAnswer


class EventAnswer(Answer):
    """An event: ``data`` is what it happened to, as it was then."""

    event_id: str
    type: str
    timestamp: Time
    data: Told
    org_id: str
    log_position: int


async def event_answer(services: "Services", happened: Recorded) -> EventAnswer:
    """The event as callers are told of it."""
    public_type = PUBLIC_TYPES[happened.type]
    return EventAnswer(
        event_id=str(EventId(happened.event_id)),
        type=public_type,
        timestamp=happened.at,
        data=await _TELLERS[public_type.partition(".")[0]](services, happened),
        org_id=str(happened.org_id),
        log_position=happened.position,
    )


async def _job(services: "Services", happened: Recorded) -> JobAnswer:
    job = await services.store.load(
        Job, org_id=happened.org_id, stream_id=happened.stream_id, up_to=happened.version
    )
    results = await results_of(services.store, happened.org_id, job, at=happened.position)
    return job_answer(job, results)


async def _publish(services: "Services", happened: Recorded) -> PublishAnswer:
    org_id, stream_id = happened.org_id, happened.stream_id
    publish = await services.store.load(
        Publish, org_id=org_id, stream_id=stream_id, up_to=happened.version
    )
    async with services.pools.reading(org_id) as connection:
        actors = await find_beginners(connection, tenant_id=org_id.uuid, stream_ids=[stream_id])
    addresses = await services.publishes.addresses(org_id, [publish.wish])
    return publish_answer(publish, actors[stream_id], addresses)


async def _key(services: "Services", happened: Recorded) -> KeyEventAnswer:
    key = await services.store.load(
        ApiKey, org_id=happened.org_id, stream_id=happened.stream_id, up_to=happened.version
    )
    return KeyEventAnswer(
        key_id=str(KeyId(key.id)),
        prefix=prefix_of(key.environment, key.kid),
        name=key.name,
        environment=key.environment,
        scopes=[str(scope) for scope in key.scopes],
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        reason=key.revoked_reason,
    )


async def _integration(services: "Services", happened: Recorded) -> IntegrationAnswer:
    connection = await services.store.load(
        Connection, org_id=happened.org_id, stream_id=happened.stream_id, up_to=happened.version
    )
    return integration_answer(connection, None)


async def _catalog(_services: "Services", happened: Recorded) -> SyncedAnswer:
    data = happened.data
    return SyncedAnswer(
        sync_id=str(SyncId(happened.stream_id)),
        integration_id=str(IntegrationId.parse(data["integration_id"])),
        items=data["items"],
        changed=data["changed"],
        removed=data["removed"],
    )


_TELLERS: Mapping[str, Callable[["Services", Recorded], Awaitable[Told]]] = {
    "job": _job,
    "publish": _publish,
    "key": _key,
    "integration": _integration,
    "catalog": _catalog,
}
