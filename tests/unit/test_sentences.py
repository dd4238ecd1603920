"""Every event is told in a sentence, also one that nobody wrote a sentence for."""

from datetime import UTC, datetime

import pytest

from domain.ids import EventId, UserId
from projections.activity import Activity
from projections.sentences import SENTENCES, TYPES_THAT_TELL_MORE, sentence_of


@pytest.mark.parametrize("public_type", SENTENCES)
def test_a_sentence_is_one_whatever_the_event_holds(public_type: str) -> None:
    for data in ({}, {"name": None, "error": None, "reason": "none", "attempt": []}):
        sentence = sentence_of(public_type, data)

        assert sentence
        assert "{" not in sentence


def test_a_sentence_says_what_the_event_says() -> None:
    assert sentence_of("job.started", {"attempt": 2}) == "Work on the job began, attempt 2."
    failed = sentence_of("job.failed", {"error": {"detail": "The picture is broken."}})
    assert failed == "The job failed: The picture is broken."


def test_a_type_of_a_later_release_is_told_plainly() -> None:
    assert sentence_of("shop-item.rolled-back", {}) == "Shop item rolled back."


def test_what_a_name_holds_is_told_and_never_read_as_a_template() -> None:
    sentence = sentence_of("key.created", {"name": "{mac} %s {0.__class__}", "mac": "secret"})

    assert sentence == "The API key “{mac} %s {0.__class__}” was created."


def test_data_is_read_only_for_sentences_that_use_it() -> None:
    assert "job.failed" in TYPES_THAT_TELL_MORE
    assert "job.succeeded" not in TYPES_THAT_TELL_MORE


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"sku": "MUG", "product_id": None}, "MUG"),
        ({"sku": None, "product_id": "B0001"}, "B0001"),
    ],
)
def test_a_publish_is_told_by_whatever_names_its_listing(
    target: dict[str, str | None], named: str
) -> None:
    sentence = sentence_of("publish.requested", {"target": target})

    assert sentence == f"A publish to {named} was asked for."


def test_who_has_no_name_any_more_is_a_former_member() -> None:
    user_id = str(UserId.new())
    entry = Activity(
        event_id=EventId.new(),
        position=7,
        at=datetime(2026, 11, 23, tzinfo=UTC),
        type="membership.ended",
        actor_type="system",
        actor_id="test",
        actor_name=None,
        subject_type="membership",
        subject_id="",
        sentence="",
        request_id="",
        data={"user_id": user_id},
    )

    assert entry.naming({}).sentence == "A former member belongs to the organization no more."
    assert entry.naming({user_id: "Jun"}).sentence == "Jun belongs to the organization no more."
