"""GET /api/v1/jobs/{jobId}/events: a job's changes as they happen."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from domain.errors import Unavailable
from domain.scopes import Scope
from packshot.commands.watching import Change, Watch
from packshot.edge.admitted import may_still_read
from packshot.edge.bodies import PulledBody
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.event_streams import (
    COMMENT,
    EVENT_STREAM,
    EventStream,
    event,
    last_event_id,
    reconnect_after,
)
from packshot.edge.job_shapes import JOBS_PATH, job_answer
from packshot.edge.path_ids import job_id_of
from packshot.edge.replies import json_of

LOOK_EVERY_S = 1.0  # an end is heard of at once
COMMENT_EVERY_S = 10.0  # proxies close what is silent, most of them after a minute
# The client comes back by itself and goes on where it stopped.
LONGEST_S = 600.0
RECONNECT_AFTER_MS = 1000
# Beside the status, what the event is called.
CALLED = {"requested": "queued", "running": "started"}


@endpoint(
    "GET",
    JOBS_PATH + "/{jobId}/events",
    scope=Scope.JOBS_READ,
    media_types=(EVENT_STREAM,),
    refuses=("not_found", "invalid_parameter", "concurrency_limited"),
)
async def watch_job(call: Call[NoFields]) -> Reply:
    """Answer a job's changes as server-sent events, until it has ended."""
    org_id, jobs = call.key.org_id, call.services.jobs
    job = await jobs.find(org_id, job_id_of(call.path))
    watch = Watch(jobs.store, org_id, job.job_id, told=last_event_id(call.request.headers))
    call.state.streams.require_room(org_id)
    first = await watch.look()
    if watch.is_over and not first:
        return Reply(b"", 204)  # the client knows the end: it is not to come back
    if call.request.method == "HEAD":
        return Reply(b"", media_type=EVENT_STREAM)
    return Reply(EventStream(_pieces(call, watch, first)))


async def _pieces(
    call: Call[NoFields], watch: Watch, first: Sequence[Change]
) -> AsyncIterator[bytes]:
    """The stream, until the job has ended, the client has left or the process is to stop."""
    loop = asyncio.get_running_loop()
    endings = call.services.jobs.endings
    began_s = spoke_s = loop.time()
    body = call.request.body
    assert isinstance(body, PulledBody)
    leaving = asyncio.create_task(body.client_leaves())
    try:
        with call.state.streams.held(watch.org_id), endings.watched(watch.job_id) as ending:
            leaving.add_done_callback(lambda _: ending.heard.set())
            yield reconnect_after(RECONNECT_AFTER_MS)
            changes = first
            while True:
                for change in changes:
                    yield _event(change)
                if changes:
                    spoke_s = loop.time()
                elif loop.time() - spoke_s >= COMMENT_EVERY_S:
                    yield COMMENT
                    spoke_s = loop.time()
                if watch.is_over or endings.has_given_up or leaving.done():
                    return
                if loop.time() - began_s >= LONGEST_S or not await may_still_read(call):
                    return
                await ending.within(LOOK_EVERY_S)
                changes = await _changes(watch)
    finally:
        leaving.cancel()


async def _changes(watch: Watch) -> Sequence[Change]:
    """What is new; nothing while the database is away."""
    with suppress(Unavailable):
        return await watch.look()
    return ()


def _event(change: Change) -> bytes:
    status = change.job.status
    name = "progressed" if change.is_progress else CALLED.get(status, status)
    answer = job_answer(change.job, change.results)
    return event(f"job.{name}", event_id=change.position, data=json_of(answer))
