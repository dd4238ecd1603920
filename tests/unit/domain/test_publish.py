import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import Conflict, Refusal, Unavailable
from domain.ids import IntegrationId, JobId, OutputId, PublishId
from domain.listing import ListingPlan, Target, Wish
from domain.publish import Publish
from given import given
from packshot.store.codec import COLUMNS, event_classes, topic_of

BEFORE = [{"remote_id": "img_1", "slot": "main", "sha256": "1" * 64, "alt": ""}]
WANTED = [{"remote_id": None, "slot": "main", "sha256": "2" * 64, "alt": ""}]
AFTER = [{"remote_id": "img_2", "slot": "main", "sha256": "2" * 64, "alt": ""}]
PLAN = ListingPlan(
    item={"remote_id": "MUG", "sku": "MUG", "title": "A mug", "url": None},
    base_digest="d1",
    before=BEFORE,
    steps=[{"op": "upload", "slot": "main", "before": BEFORE[0], "after": WANTED[0]}],
)
AWAY = Unavailable("channel_unreachable", "The shop does not answer.")
REFUSED = Refusal("channel_rejected", "The shop does not want it.")
UNDO = PublishId.new()


def requested(**wish: Any) -> Publish:
    fields: dict[str, Any] = {"output_id": OutputId.new(), "output_sha256": "2" * 64}
    asked = Wish(IntegrationId.new(), Target(sku="MUG"), **(fields | wish))
    return Publish.request(PublishId.new(), asked, job_id=JobId.new())


def planned(**wish: Any) -> Publish:
    publish = requested(**wish)
    publish.plan(PLAN)
    return publish


def uploading() -> Publish:
    publish = planned()
    publish.start()
    return publish


def processing() -> Publish:
    publish = uploading()
    publish.submit({"submission_id": "s1"}, pending=False)
    return publish


def live() -> Publish:
    publish = processing()
    publish.succeed(digest="d2", after=AFTER, remote=None)
    return publish


def failed() -> Publish:
    publish = requested()
    publish.fail(REFUSED, of="req_1")
    return publish


def unknown() -> Publish:
    publish = uploading()
    publish.doubt(AWAY, of="req_1")
    return publish


def drifted() -> Publish:
    publish = live()
    publish.drift(digest="d3", found=BEFORE)
    return publish


def rolled_back() -> Publish:
    publish = live()
    publish.request_undo(by=UNDO, earlier=None)
    publish.roll_back(by=UNDO)
    return publish


EVERY = {
    make.__name__: make
    for make in (
        requested, planned, uploading, processing, live, failed, unknown, drifted, rolled_back,
    )
}  # fmt: skip


def test_what_a_request_said_is_kept() -> None:
    wish = Wish(
        IntegrationId.new(), Target("MUG", slot="pt01"), "append", "block",
        OutputId.new(), "2" * 64, base_digest="d1",
    )  # fmt: skip

    publish = Publish.request(PublishId.new(), wish, job_id=JobId.new())

    (event,) = publish.collect_events()
    replayed = event.mutate(None)
    assert replayed is not None
    assert replayed.wish == wish
    assert event.target == {"sku": "MUG", "product_id": None, "slot": "pt01", "position": None}


def test_what_a_listing_showed_is_kept_before_anything_is_sent() -> None:
    story = given(requested()).when(lambda publish: publish.plan(PLAN))

    story.then((Publish.Planned, {"plan_number": 1, "before": BEFORE, "base_digest": "d1"}))


def test_a_planned_publish_is_started_sent_and_live() -> None:
    publish = live()

    assert [type(event).__name__ for event in publish.pending_events] == [
        "Requested", "Planned", "Started", "Submitted", "Succeeded",
    ]  # fmt: skip
    assert (publish.status, publish.digest, publish.after) == ("live", "d2", AFTER)
    (attempt,) = publish.attempts
    assert (attempt["attempt"], attempt["outcome"]) == (1, "live")


# Which verbs each status allows; every other one is refused and records nothing.
ALLOWED: dict[str, tuple[Callable[[Publish], None], set[str]]] = {
    "plan": (lambda one: one.plan(PLAN), {"requested", "planned", "uploading"}),
    "start": (Publish.start, {"planned", "uploading", "unknown"}),
    "submit": (lambda one: one.submit({}, pending=True), {"uploading"}),
    "succeed": (
        lambda one: one.succeed(digest="d2", after=AFTER, remote=None),
        {"uploading", "processing", "unknown"},
    ),
    "fail": (
        lambda one: one.fail(REFUSED, of="req_1"),
        {"requested", "planned", "uploading", "processing", "unknown"},
    ),
    "doubt": (lambda one: one.doubt(AWAY, of="req_1"), {"uploading", "processing", "unknown"}),
    "drift": (
        lambda one: one.drift(digest="d3", found=BEFORE),
        {"requested", "planned", "uploading", "processing", "unknown", "live"},
    ),
    "recover": (Publish.recover, {"drifted"}),
    "retry": (lambda one: one.retry(JobId.new()), {"failed", "unknown"}),
    "undo": (lambda one: one.request_undo(by=UNDO, earlier=None), {"live", "drifted"}),
    "roll back": (lambda one: one.roll_back(by=UNDO), set()),
}


@pytest.mark.parametrize("status", EVERY)
@pytest.mark.parametrize("verb", ALLOWED)
def test_a_verb_is_for_its_statuses_only(verb: str, status: str) -> None:
    do, allowed = ALLOWED[verb]
    story = given(EVERY[status]())

    if status in allowed:
        story.when(do)
        assert len(story.aggregate.collect_events()) == 1
    else:
        with pytest.raises(Conflict):
            story.when(do)
        story.then()


def test_an_ended_publish_is_refused_as_such() -> None:
    with pytest.raises(Conflict) as refused:
        given(live()).when(lambda publish: publish.retry(JobId.new()))

    assert refused.value.code == "already_terminal"


def test_a_publish_is_taken_back_once() -> None:
    publish = live()
    publish.request_undo(by=UNDO, earlier=None)

    with pytest.raises(Conflict) as refused:
        given(publish).when(lambda one: one.request_undo(by=PublishId.new(), earlier="uploading"))

    assert refused.value.code == "already_terminal"
    assert "pub_" not in refused.value.detail  # a sentence for people; undoneBy has the id
    assert publish.undone_by == UNDO


@pytest.mark.parametrize("earlier", ["failed", "drifted"])
def test_an_undo_that_changed_nothing_may_be_asked_for_again(earlier: Any) -> None:
    publish = live()
    publish.request_undo(by=UNDO, earlier=None)
    again = PublishId.new()

    story = given(publish).when(lambda one: one.request_undo(by=again, earlier=earlier))

    story.then((Publish.UndoRequested, {"by": str(again)}))


def test_only_the_undo_that_was_asked_for_takes_a_publish_back() -> None:
    publish = live()
    publish.request_undo(by=UNDO, earlier=None)
    story = given(publish)

    with pytest.raises(Conflict):
        story.when(lambda one: one.roll_back(by=PublishId.new()))

    story.when(lambda one: one.roll_back(by=UNDO)).then((Publish.RolledBack, {"by": str(UNDO)}))


def test_a_publish_that_drifted_before_it_was_live_has_nothing_to_take_back() -> None:
    publish = planned()
    publish.drift(digest="d3", found=BEFORE)
    story = given(publish)

    with pytest.raises(Conflict):
        story.when(Publish.recover)
    with pytest.raises(Conflict):
        story.when(lambda one: one.request_undo(by=UNDO, earlier=None))


def test_a_failed_publish_is_planned_anew_and_told_the_shop_as_a_new_wish() -> None:
    publish = planned()
    first = publish.idempotency_key
    publish.fail(REFUSED, of="req_1")
    publish.retry(JobId.new())
    assert (publish.status, publish.planned, publish.error) == ("queued", None, None)

    publish.plan(PLAN)

    assert (first, publish.idempotency_key) == (str(publish.publish_id), f"{first}-2")


def test_a_publish_whose_outcome_is_unknown_keeps_its_plan_and_its_key() -> None:
    publish = unknown()
    key = publish.idempotency_key

    publish.retry(JobId.new())
    publish.start()

    assert publish.planned == PLAN
    assert publish.idempotency_key == key
    assert [attempt.get("outcome") for attempt in publish.attempts] == ["unknown", None]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (requested, [Publish.Failed]),
        (planned, [Publish.Failed]),
        (uploading, [Publish.Doubted]),
        (processing, [Publish.Doubted]),
        (unknown, []),
        (live, []),
        (failed, []),
    ],
)
def test_a_publish_whose_job_ended_has_failed_only_where_nothing_was_sent(
    make: Callable[[], Publish], expected: list[type]
) -> None:
    publish = make()
    publish.collect_events()

    publish.give_up(AWAY, of="req_1")

    assert [type(event) for event in publish.collect_events()] == expected


def test_a_plan_that_nobody_saw_may_be_made_anew_three_times_in_all() -> None:
    publish = planned()
    assert publish.may_plan_again
    publish.plan(PLAN)
    publish.plan(PLAN)

    assert not publish.may_plan_again
    assert not planned(base_digest="d1").may_plan_again
    assert not planned(undo_of=UNDO).may_plan_again


def test_a_publish_ends_with_the_refusal_and_the_request_that_asked_for_it() -> None:
    story = given(uploading()).when(lambda publish: publish.fail(REFUSED, of="req_1"))

    story.then((Publish.Failed, {"error": {**REFUSED.as_dict(), "request_id": "req_1"}}))


def test_what_the_log_keeps_of_a_publish_is_a_contract() -> None:
    kept = {
        topic_of(event): [
            field.name for field in dataclasses.fields(event) if field.name not in COLUMNS
        ]
        for event in event_classes(Publish)
        if event is not Publish.Created
    }

    assert kept == {
        "publish.requested.v1": [
            "integration_id", "target", "mode", "require_compliance", "output_id", "output_sha256",
            "undo_of", "base_digest", "job_id",
        ],
        "publish.planned.v1": ["plan_number", "item", "base_digest", "before", "steps"],
        "publish.started.v1": ["attempt"],
        "publish.submitted.v1": ["receipt", "pending"],
        "publish.succeeded.v1": ["digest", "after", "remote"],
        "publish.failed.v1": ["error"],
        "publish.doubted.v1": ["reason"],
        "publish.drifted.v1": ["digest", "found"],
        "publish.recovered.v1": [],
        "publish.retried.v1": ["job_id", "former_status"],
        "publish.undo-requested.v1": ["by"],
        "publish.rolled-back.v1": ["by"],
    }  # fmt: skip
