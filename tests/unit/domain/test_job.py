import pytest

from domain.errors import Conflict
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
