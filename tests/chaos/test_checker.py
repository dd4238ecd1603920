"""The checker objects to each way in which a history can break a promise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.asks import Ask
from chaos.checker import Verdict, judge
from chaos.client import Answer, Entry
from chaos.history import Happening, History

JOB, ORG = "job_1", "org_1"
HAPPY = ("requested", "queued", "started", "succeeded")


def happenings(*names: str, job: str = JOB, ref: str = "ask-1", after: int = 0) -> list[Happening]:
    """The events of one job, as the first ones of a log or after others."""
    return [
        Happening(
            ORG,
            after + number,
            job,
            number,
            f"evt_{after + number}",
            f"job.{name}.v1",
            {"client_ref": ref, "cost": "renderer", "error": {"code": "job_dead"}},
        )
        for number, name in enumerate(names, start=1)
    ]


def history(events: list[Happening], *, status: str = "succeeded", **parts: Any) -> History:
    """A history in which views and feed say what the log says."""
    return History(
        events=events,
        views={JOB: (status, len(events))},
        activity={(each.org_id, each.position, each.event_id) for each in events},
        **parts,
    )


def entry(**known: Any) -> Entry:
    """What a client knows of one acknowledged job."""
    ask = Ask("ask-1", 0.0, 0, "job", 1, "key-1", webhook=known.pop("webhook", False))
    answer = Answer(202, b'{"jobId":"job_1"}', is_repeat=False, headers={})
    return Entry(ask, **{"answer": answer, **known})


def objected(verdict: Verdict) -> str:
    assert not verdict.holds
    return str(verdict)


def test_a_happy_history_holds():
    told = history(happenings(*HAPPY), deliveries={"evt_4": "delivered"})

    assert judge([entry(webhook=True)], told, taken={"evt_4"}).holds


def test_lost_workers_a_retry_and_a_dead_job_hold():
    lost = ("started", "interrupted")
    events = happenings(
        "requested", "queued", *lost, *lost, *lost, "failed", "retried", "cancelled"
    )

    assert judge([entry()], history(events, status="cancelled", queue={JOB: "ended"})).holds


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("requested", "queued", "started", "started", "succeeded"), "started.v1 after running"),
        ((*HAPPY, "succeeded"), "succeeded 2 times"),
        ((*HAPPY, "cancelled"), "ended again by job.cancelled.v1"),
        ((*HAPPY, "retried", "started", "succeeded"), "retried.v1 after succeeded"),
        (("requested", "queued", "started", "failed"), "failed with job_dead after 1 tries"),
        (("requested", "queued", "started"), "is running at the end"),
        (("queued", "started", "succeeded"), "queued.v1 after None"),
    ],
)
def test_a_course_that_no_job_may_take(names: tuple[str, ...], words: str):
    assert words in objected(judge([entry()], history(happenings(*names))))


def test_an_acknowledged_job_that_is_not_in_the_log_is_lost():
    verdict = judge([entry()], History())

    assert len(verdict.lost) == 1


def test_one_key_with_two_jobs_is_doubled():
    events = happenings(*HAPPY) + happenings(*HAPPY, job="job_2", after=4)

    assert judge([entry()], history(events)).doubled == ["ask-1: 2 jobs of one request"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: replace(told, queue={JOB: "sent"}), "still sent in the queue"),
        (lambda told: replace(told, queue={JOB: "ended"}), "set aside in the queue, and succeeded"),
        (lambda told: replace(told, views={JOB: ("running", 3)}), "('running', 3) in the view"),
        (lambda told: replace(told, views={}), "None in the view"),
        (lambda told: replace(told, activity=set()), "in the log only"),
        (lambda told: replace(told, activity=told.activity | {(ORG, 9, "e")}), "activity only"),
        (lambda told: replace(told, bad_files=["out_1: no file"]), "out_1: no file"),
        (lambda told: replace(told, events=told.events[1:]), "position 2 is not the next"),
    ],
)
def test_what_else_does_not_fit_the_log(change: Callable[[History], History], words: str):
    assert words in objected(judge([entry()], change(history(happenings(*HAPPY)))))


@pytest.mark.parametrize(
    ("deliveries", "taken", "words"),
    [
        ({}, set(), "an end without its delivery"),
        ({"evt_4": "delivered"}, set(), "is delivered, and nobody took it"),
        ({"evt_4": "waiting"}, set(), "its delivery is waiting"),
        ({"evt_4": "delivered", "evt_9": "delivered"}, {"evt_4"}, "evt_9: a delivery of no end"),
        ({"evt_4": "delivered"}, {"evt_4", "evt_8"}, "evt_8: a webhook of no delivery"),
    ],
)
def test_a_webhook_that_was_not_told_as_promised(
    deliveries: dict[str, str], taken: set[str], words: str
):
    told = history(happenings(*HAPPY), deliveries=deliveries)

    assert words in objected(judge([entry(webhook=True)], told, taken=taken))


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"answer": None}, "was never answered"),
        ({"repeats": [Answer(202, b"{}", is_repeat=True, headers={})]}, "a repeat was answered"),
        (
            {"repeats": [Answer(202, b'{"jobId":"job_1"}', is_repeat=False, headers={})]},
            "2 answers under one key",
        ),
        ({"seen": "cancelled"}, "was told that it had cancelled"),
        (
            {"cancelled": Answer(200, b"{}", is_repeat=False, headers={})},
            "told that it was cancelled",
        ),
        ({"strange": ["POST: 500"]}, "POST: 500"),
        ({"answer": Answer(404, b"{}", is_repeat=False, headers={})}, "was refused: 404"),
    ],
)
def test_what_a_client_was_told_and_is_not_so(known: dict[str, Any], words: str):
    assert words in objected(judge([entry(**known)], history(happenings(*HAPPY))))


@pytest.mark.parametrize(
    ("end", "items", "words"),
    [
        ("succeeded", ("succeeded", "failed"), "is succeeded, and its items are"),
        ("partly-succeeded", ("succeeded", "succeeded"), "is partial, and its items are"),
        ("succeeded", ("succeeded",), "1 items of 2"),
    ],
)
def test_a_batch_that_does_not_end_as_its_items_did(end: str, items: tuple[str, ...], words: str):
    events = happenings("requested", "queued", "started", end)
    events[0] = replace(events[0], data={**events[0].data, "items": 2})
    for number, item in enumerate(items, start=1):
        made = happenings(*HAPPY[:3], item, job=f"job_{number + 1}", after=4 * number)
        made[0] = replace(made[0], data={"batch_id": JOB, "input_address": "/broken-1"})
        events += made

    assert words in objected(judge([entry()], history(events)))
