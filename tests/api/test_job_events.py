"""GET /api/v1/jobs/{jobId}/events: changes as they happen, over real sockets."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from api.client import Client, assert_problem
from api.conftest import found
from api.photos import red_box
from api.server import running_api
from packshot.commands.organizations import Created
from packshot.config import Settings
from packshot.edge.event_streams import MOST_OF_AN_ORGANIZATION

JOBS = "/api/v1/jobs"
SMALL = {"width": "64", "height": "64"}
ENDED_WITHIN_S = 10.0
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()


@pytest.fixture(scope="module", autouse=True)
def done_by_workers(workers: None) -> Iterator[None]:
    return workers


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a client reads it."""

    id: str
    name: str
    data: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.data["status"])


def open_stream(client: Client, job_id: str, *, after: str = "") -> requests.Response:
    headers = {"last-event-id": after} if after else {}
    return client.get(f"{JOBS}/{job_id}/events", headers=headers, stream=True)


def events_of(answer: requests.Response) -> Iterator[Event]:
    """The events of an open stream, as they come, until it ends."""
    fields: dict[str, str] = {}
    answer.encoding = "utf-8"  # as the format says, whatever text is otherwise
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}


def ask(client: Client, **fields: str) -> str:
    answer = client.post(JOBS, files={"image": red_box()}, data={**SMALL, **fields})
    job_id: str = answer.json()["jobId"]
    return job_id


def until(is_so: Callable[[], bool]) -> None:
    """Look again and again until something holds."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "never"


def test_a_stream_tells_every_change_until_the_end(client: Client) -> None:
    job_id = ask(client)

    with closing(open_stream(client, job_id)) as answer:
        told = list(events_of(answer))

    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "private, no-store"
    assert told[-1].name == "job.succeeded"
    assert told[-1].data == client.get(f"{JOBS}/{job_id}").json()
    names = [event.name for event in told]
    assert names == ["job.queued", "job.started", "job.succeeded"][-len(names) :]
    assert [int(event.id) for event in told] == sorted({int(event.id) for event in told})


def test_the_first_event_is_the_job_as_it_is(client: Client) -> None:
    job_id = ask(client, notBefore=TOMORROW)

    with closing(open_stream(client, job_id)) as answer:
        events = events_of(answer)
        first = next(events)
        client.post(f"{JOBS}/{job_id}/cancel")
        rest = list(events)

    assert (first.name, first.status) == ("job.queued", "queued")
    assert first.data["links"]["events"] == f"{JOBS}/{job_id}/events"
    assert [(event.name, event.status) for event in rest] == [("job.cancelled", "cancelled")]


def test_a_job_that_has_ended_is_told_once(client: Client) -> None:
    job_id = ask(client)
    client.get(f"{JOBS}/{job_id}?wait=20")

    told = list(events_of(open_stream(client, job_id)))

    assert [event.name for event in told] == ["job.succeeded"]


def test_a_stream_goes_on_after_the_last_event_the_client_has(client: Client) -> None:
    job_id = ask(client, notBefore=TOMORROW)
    with closing(open_stream(client, job_id)) as answer:
        first = next(events_of(answer))
    client.post(f"{JOBS}/{job_id}/cancel")
    client.post(f"{JOBS}/{job_id}/retry")
    client.get(f"{JOBS}/{job_id}?wait=20")

    told = list(events_of(open_stream(client, job_id, after=first.id)))

    assert [event.name for event in told] == [
        "job.cancelled", "job.queued", "job.started", "job.succeeded",
    ]  # fmt: skip
    after = list(events_of(open_stream(client, job_id, after=told[1].id)))
    assert after == told[2:]


def test_who_knows_the_end_is_not_to_come_back(client: Client) -> None:
    job_id = ask(client)
    *_, end = events_of(open_stream(client, job_id))

    answer = open_stream(client, job_id, after=end.id)

    assert (answer.status_code, answer.content) == (204, b"")


def test_a_batch_tells_its_progress_and_its_outputs_at_the_end(client: Client) -> None:
    made = client.post("/api/v1/process", files={"image": red_box()}, data=SMALL).json()
    items = [{"outputId": made["output"]["outputId"], "width": 64 + n} for n in range(40)]
    job_id = client.post(JOBS, json={"items": items, "height": 64}).json()["jobId"]

    told = list(events_of(open_stream(client, job_id)))

    done = [event.data["progress"]["done"] for event in told]
    assert done == sorted(done)
    assert {event.name for event in told[:-1]} <= {"job.queued", "job.started", "job.progressed"}
    assert all(event.data["outputs"] == [] for event in told[:-1])
    assert told[-1].name == "job.succeeded"
    assert told[-1].data == client.get(f"{JOBS}/{job_id}").json()
    assert len(told[-1].data["outputs"]) == 40


def test_another_organizations_job_has_no_stream(client: Client, globex: Created) -> None:
    job_id = ask(client, notBefore=TOMORROW)
    other = client.with_key(globex.secret)

    theirs, unknown = (
        assert_problem(other.get(f"{JOBS}/{name}/events"), 404, "not_found")
        for name in (job_id, "job_01m82gknkpeax807y0hjx9vems")
    )

    assert theirs | {"requestId": ""} == unknown | {"requestId": ""}


@pytest.mark.parametrize("last", ["x", "-1", "1" * 19])
def test_an_id_that_no_event_has_is_refused(client: Client, last: str) -> None:
    job_id = ask(client, notBefore=TOMORROW)

    answer = client.get(f"{JOBS}/{job_id}/events", headers={"last-event-id": last})

    assert_problem(answer, 422, "invalid_parameter")


def test_head_answers_without_a_stream(client: Client) -> None:
    job_id = ask(client, notBefore=TOMORROW)

    answer = client.send("HEAD", f"{JOBS}/{job_id}/events")

    assert (answer.status_code, answer.content) == (200, b"")


def test_too_many_streams_are_refused_and_those_who_left_are_not_counted(client: Client) -> None:
    job_id = ask(client, notBefore=TOMORROW)

    with ExitStack() as stack:
        streams = []
        for _ in range(MOST_OF_AN_ORGANIZATION):
            answer = stack.enter_context(closing(open_stream(client, job_id)))
            streams.append(events_of(answer))  # one that nobody holds closes its connection
            next(streams[-1])
        refused = client.get(f"{JOBS}/{job_id}/events")
        assert_problem(refused, 429, "concurrency_limited")
        assert int(refused.headers["retry-after"]) > 0

    def has_room() -> bool:
        with closing(open_stream(client, job_id)) as answer:
            return answer.status_code == 200

    until(has_room)


def test_a_stream_ends_when_the_process_is_to_stop(settings: Settings) -> None:
    acme = found(settings, "Acme")
    with running_api(settings) as api, requests.Session() as session:
        client = Client(api.base_url, session, acme.secret)
        job_id = ask(client, notBefore=TOMORROW)
        with closing(open_stream(client, job_id)) as answer:
            events = events_of(answer)
            first = next(events)

            api.process.send_signal(signal.SIGTERM)

            assert list(events) == []
        # Long before the 30 s that running requests are given.
        assert api.process.wait(ENDED_WITHIN_S) == 0
    assert first.name == "job.queued"


def test_a_stream_begins_where_the_client_asks_with_a_minimum_position(client: Client) -> None:
    answer = client.post(JOBS, files={"image": red_box()}, data=SMALL)
    position = answer.headers["x-log-position"]

    stream = client.get(
        f"{JOBS}/{answer.json()['jobId']}/events", headers={"x-min-position": position}, stream=True
    )

    assert [event.name for event in events_of(stream)][-1] == "job.succeeded"
