"""Watching a job: each change once and in order, whoever comes back and with whatever position."""

import asyncio
from contextlib import ExitStack, aclosing
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import Refusal, Unauthenticated, Unavailable
from domain.ids import JobId, OrgId
from given import context
from integration.jobs.conftest import Workshop
from packshot.api import job_events
from packshot.commands.watching import Change, Watch
from packshot.edge.bodies import PulledBody
from packshot.edge.credentials import Credentials
from packshot.edge.event_streams import COMMENT, MOST_OF_AN_ORGANIZATION, OpenStreams
from pictures import encoded


def watch_of(workshop: Workshop, org_id: OrgId, job_id: JobId, told: int | None = None) -> Watch:
    return Watch(workshop.store, org_id, job_id, told=told)


def said(changes: list[Change]) -> list[str]:
    return [change.job.status for change in changes]


async def test_a_watch_begins_with_the_job_as_it_is(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)
    watch = watch_of(workshop, org_id, job_id)

    first, second = await watch.look(), await watch.look()

    assert (said(first), second) == (["queued"], [])
    assert not watch.is_over


async def test_a_watch_tells_what_others_do_to_other_jobs_to_nobody(
    workshop: Workshop, org_id: OrgId
) -> None:
    watch = watch_of(workshop, org_id, await workshop.ask(org_id))
    await watch.look()

    await workshop.ask(org_id)

    assert await watch.look() == []


async def test_every_change_between_two_looks_is_told(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)
    watch = watch_of(workshop, org_id, job_id)
    await watch.look()

    await workshop.attempts.attempt(org_id, job_id)
    changes = await watch.look()

    assert said(changes) == ["running", "succeeded"]
    assert [change.results.done for change in changes] == [0, 1]
    assert watch.is_over


@pytest.mark.parametrize("told", range(6))
async def test_a_watch_from_any_position_tells_the_rest(
    workshop: Workshop, org_id: OrgId, told: int
) -> None:
    job_id = await workshop.ask(org_id)
    await workshop.attempts.attempt(org_id, job_id)

    changes = await watch_of(workshop, org_id, job_id, told).look()

    assert [change.position for change in changes] == [n for n in (3, 4, 5) if n > told]


async def test_the_progress_of_a_batch_is_told_when_it_changes(
    workshop: Workshop, org_id: OrgId
) -> None:
    asked = await workshop.ask_batch(org_id, [encoded("jpeg", side=80)] * 3)
    watch = watch_of(workshop, org_id, asked.batch_id)
    await watch.look()

    await workshop.attempts.attempt(org_id, asked.item_ids[0])
    begun = await watch.look()
    await workshop.attempts.attempt(org_id, asked.item_ids[1])
    second = await watch.look()
    again = await watch_of(workshop, org_id, asked.batch_id, watch.told).look()
    resumed = await watch_of(workshop, org_id, asked.batch_id, begun[-1].position).look()
    await workshop.attempts.attempt(org_id, asked.item_ids[2])
    last = await watch.look()

    assert [(c.is_progress, c.results.done) for c in begun] == [(False, 0), (True, 1)]
    assert [(c.is_progress, c.results.done) for c in second] == [(True, 2)]
    assert again == []
    assert [(c.is_progress, c.results.done) for c in resumed] == [(True, 2)]
    assert [(c.job.status, c.results.done, len(c.results.jobs)) for c in last] == [
        ("succeeded", 3, 3)
    ]


async def test_a_job_that_is_retried_is_not_over(workshop: Workshop, org_id: OrgId) -> None:
    job_id = await workshop.ask(org_id)
    await workshop.jobs.cancel(context(org_id), job_id)
    await workshop.jobs.retry(context(org_id), job_id)
    watch = watch_of(workshop, org_id, job_id, told=3)

    assert said(await watch.look()) == ["cancelled", "queued"]
    assert not watch.is_over


class Keys:
    """Keys of which each check says the next thing, and in the end that all is well."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)

    async def check(self, _text: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)


class Away(Watch):
    """A watch whose database is away at its second look."""

    looks = 0

    async def look(self) -> list[Change]:
        Away.looks += 1
        if Away.looks == 2:
            raise Unavailable("overloaded", "The database is away.")
        return await Watch.look(self)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once, and say after every silence that the stream is there."""
    monkeypatch.setattr(job_events, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(job_events, "COMMENT_EVERY_S", 0.0)


def call_of(workshop: Workshop, keys: Keys, *, leaves: bool = False) -> Any:
    """A call as far as a stream looks at it."""

    async def receive() -> Any:
        if not leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    body = PulledBody(None, None)
    body.pull_from(receive)
    return SimpleNamespace(
        services=SimpleNamespace(jobs=workshop.jobs, keys=keys),
        state=SimpleNamespace(streams=OpenStreams()),
        exchange=SimpleNamespace(credentials=Credentials(api_keys=[b"key"])),
        request=SimpleNamespace(body=body),
    )


async def told(call: Any, watch: Watch, *, at_most: int = 20) -> list[bytes]:
    """The pieces of a stream until it ends, or so many of them."""
    pieces: list[bytes] = []
    async with aclosing(job_events._pieces(call, watch, await watch.look())) as stream:
        async for piece in stream:
            pieces.append(piece)
            if len(pieces) == at_most:
                break
    return pieces


async def test_a_silent_stream_says_that_it_is_there(workshop: Workshop, org_id: OrgId) -> None:
    watch = watch_of(workshop, org_id, await workshop.ask(org_id))

    pieces = await told(call_of(workshop, Keys()), watch, at_most=5)

    assert pieces[0] == b"retry: 1000\n\n"
    assert pieces[1].startswith(b"id: 3\nevent: job.queued\ndata: {")
    assert pieces[2:] == [COMMENT] * 3


async def test_a_stream_ends_with_its_key(workshop: Workshop, org_id: OrgId) -> None:
    watch = watch_of(workshop, org_id, await workshop.ask(org_id))
    away, unknown = Unavailable("overloaded", "?"), Unauthenticated("key_unknown", "?")

    pieces = await told(call_of(workshop, Keys(away, unknown)), watch)

    assert pieces[2:] == [COMMENT]


async def test_a_stream_waits_for_a_database_that_is_away(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await workshop.ask(org_id)
    watch = Away(workshop.store, org_id, job_id)

    pieces = await told(call_of(workshop, Keys()), watch, at_most=4)

    assert pieces[2:] == [COMMENT] * 2


@pytest.mark.parametrize("why", ["client leaves", "process stops", "long enough"])
async def test_a_stream_that_ends_leaves_nothing_behind(
    workshop: Workshop, org_id: OrgId, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watch_of(workshop, org_id, await workshop.ask(org_id))
    call = call_of(workshop, Keys(), leaves=why == "client leaves")
    if why == "process stops":
        workshop.jobs.endings.give_up()
    if why == "long enough":
        monkeypatch.setattr(job_events, "LONGEST_S", 0.0)

    pieces = await told(call, watch, at_most=1000)

    assert len(pieces) < 1000
    assert call.state.streams.by_organization == {}
    assert workshop.jobs.endings._waiting == {}


def test_streams_are_counted_for_the_process_and_for_each_organization() -> None:
    streams, orgs = OpenStreams(), [OrgId.new() for _ in range(5)]

    with ExitStack() as stack:
        for org_id in orgs[:4]:
            for _ in range(MOST_OF_AN_ORGANIZATION):
                stack.enter_context(streams.held(org_id))
        with pytest.raises(Refusal, match="concurrency_limited"):
            streams.require_room(orgs[0])
        with pytest.raises(Refusal, match="concurrency_limited"):
            streams.require_room(orgs[4])
    streams.require_room(orgs[4])
    assert streams.by_organization == {}
