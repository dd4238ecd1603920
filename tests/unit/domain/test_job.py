from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from domain.errors import Conflict, InvalidImage, Unavailable
from domain.job import Job
from given import given, requested_job
from makers import an_output


def started_job() -> Job:
    job = requested_job()
    job.start()
    return job


def succeeded_job() -> Job:
    job = started_job()
    job.succeed([an_output()], cached=False)
    return job


def test_a_requested_job_starts_with_its_first_attempt() -> None:
    given(requested_job()).when(Job.start).then((Job.Started, {"attempt": 1}))


def test_a_started_job_succeeds_with_its_outputs() -> None:
    output = an_output()

    story = given(started_job()).when(lambda job: job.succeed([output], cached=True))

    story.then((Job.Succeeded, {"outputs": [output.as_dict()], "cached": True}))


def test_a_started_job_cannot_start_again() -> None:
    with pytest.raises(Conflict) as refused:
        given(started_job()).when(Job.start)

    assert refused.value.code == "version_conflict"


def test_a_job_that_was_not_started_cannot_succeed() -> None:
    with pytest.raises(Conflict):
        given(requested_job()).when(lambda job: job.succeed([an_output()], cached=False))


def test_a_succeeded_job_cannot_succeed_again() -> None:
    with pytest.raises(Conflict) as refused:
        given(succeeded_job()).when(lambda job: job.succeed([an_output()], cached=False))

    assert refused.value.code == "already_terminal"


def test_a_refused_verb_records_nothing() -> None:
    story = given(succeeded_job())

    with pytest.raises(Conflict):
        story.when(Job.start)

    story.then()


LATER = datetime(2026, 11, 22, 13, tzinfo=UTC)
AWAY = Unavailable("overloaded", "The database is away.")
BROKEN = InvalidImage("malformed_image", "It is broken.")


def queued_job() -> Job:
    job = requested_job()
    job.queue()
    return job


def running_job() -> Job:
    job = queued_job()
    job.start()
    return job


def failed_job() -> Job:
    job = running_job()
    job.fail(BROKEN, of="req_1")
    return job


def test_a_queued_job_remembers_its_turn_and_its_time() -> None:
    story = given(requested_job()).when(lambda job: job.queue(priority=7, not_before=LATER))

    story.then((Job.Queued, {"priority": 7, "not_before": "2026-11-22T13:00:00+00:00"}))


def test_a_job_that_runs_cannot_be_queued() -> None:
    with pytest.raises(Conflict):
        given(running_job()).when(Job.queue)


def test_a_postponed_job_is_started_again_with_the_next_attempt() -> None:
    job = running_job()
    job.postpone(AWAY, not_before=LATER, cost="try")

    given(job).when(Job.start).then((Job.Started, {"attempt": 2}))


def test_a_job_has_five_tries() -> None:
    job = queued_job()
    for _ in range(4):
        job.start()
        job.postpone(AWAY, not_before=LATER, cost="try")
        assert not job.is_spent
    job.start()
    job.postpone(AWAY, not_before=LATER, cost="try")

    assert job.is_spent


def test_a_worker_that_is_shut_down_costs_no_try() -> None:
    job = queued_job()
    for _ in range(20):
        job.start()
        job.postpone(AWAY, not_before=LATER, cost="nothing")

    assert not job.is_spent


@pytest.mark.parametrize(
    "lose",
    [
        Job.interrupt,
        lambda job: job.postpone(BROKEN, not_before=LATER, cost="renderer"),
    ],
    ids=["worker", "renderer"],
)
def test_a_job_may_cost_two_workers_or_renderers_and_not_three(
    lose: Callable[[Job], None],
) -> None:
    job = queued_job()
    for _ in range(2):
        job.start()
        lose(job)
        assert not job.is_spent
    job.start()
    lose(job)

    assert job.is_spent


def test_a_job_fails_with_the_refusal_and_the_request_that_asked_for_it() -> None:
    story = given(running_job()).when(lambda job: job.fail(BROKEN, of="req_1"))

    story.then((Job.Failed, {"error": {**BROKEN.as_dict(), "request_id": "req_1"}}))


@pytest.mark.parametrize("job", [queued_job(), running_job()], ids=["queued", "running"])
def test_a_job_that_has_not_ended_can_be_cancelled(job: Job) -> None:
    given(job).when(Job.cancel).then((Job.Cancelled, {}))


@pytest.mark.parametrize("job", [succeeded_job(), failed_job()], ids=["succeeded", "failed"])
def test_a_job_that_has_ended_cannot_be_cancelled(job: Job) -> None:
    with pytest.raises(Conflict) as refused:
        given(job).when(Job.cancel)

    assert refused.value.code == "already_terminal"


def test_a_failed_job_is_retried_with_all_its_tries() -> None:
    job = failed_job()
    job.retry()
    for _ in range(4):
        job.start()
        job.postpone(AWAY, not_before=LATER, cost="try")

    assert not job.is_spent
    assert job.error is None
    given(failed_job()).when(Job.retry).then((Job.Retried, {}))


def test_only_what_failed_or_was_cancelled_is_retried() -> None:
    for job in (queued_job(), running_job(), succeeded_job()):
        with pytest.raises(Conflict):
            given(job).when(Job.retry)


def test_a_job_ends_at_the_time_of_its_event() -> None:
    job = failed_job()

    assert job.ended_at == job.pending_events[-1].timestamp
    assert job.started_at == job.pending_events[-2].timestamp


def test_an_event_of_an_older_release_lacks_what_came_later() -> None:
    event = requested_job().pending_events[0]
    older = {
        name: value
        for name, value in event.__dict__.items()
        if name not in {"input_address", "webhook_address"}
    }

    job = type(event)(**older).mutate(None)

    assert job is not None
    assert (job.input_address, job.webhook_address) == (None, None)


def test_a_postponed_job_says_why_and_until_when_and_forgets_it_when_it_starts() -> None:
    job = running_job()
    job.postpone(AWAY, not_before=LATER, cost="try")
    told = (job.postponed_for, job.not_before)
    job.start()

    assert told == (AWAY.as_dict(), "2026-11-22T13:00:00+00:00")
    assert (job.postponed_for, job.not_before) == (None, None)
