from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from domain.job import Job
from domain.recorded import Happened
from given import requested_job
from makers import an_output
from packshot.store.codec import Codec, digest, event_classes
from packshot.wiring import AGGREGATES

CODEC = Codec(AGGREGATES)


def stored(event: Job.Event) -> Happened:
    import orjson  # noqa: PLC0415

    topic, data = CODEC.encode(event)
    return Happened(
        event.originator_id,
        event.originator_version,
        uuid4(),
        topic,
        orjson.loads(data),
        {},
        event.timestamp,
    )


def test_every_event_is_read_back_as_it_was_written() -> None:
    job = requested_job(sku="SKU-1", client_ref="é")
    job.start()
    job.succeed([an_output()], cached=True)
    events = job.collect_events()

    assert [CODEC.decode(stored(event)) for event in events] == list(events)


def test_a_row_holds_a_topic_and_no_python_path() -> None:
    (event,) = requested_job().collect_events()

    topic, data = CODEC.encode(event)

    assert topic == "job.requested.v1"
    assert "domain" not in data
    assert "originator" not in data


def test_a_field_that_an_old_event_lacks_is_filled_by_its_upcast() -> None:
    (event,) = requested_job().collect_events()
    old = stored(event)
    without = {name: value for name, value in old.data.items() if name != "sku"}
    old = replace(old, data=without)
    with pytest.raises(TypeError):
        CODEC.decode(old)

    upcast = Codec(AGGREGATES, {"job.requested.v1": lambda data: {"sku": None} | data})

    assert upcast.decode(old) == event


def test_an_unknown_topic_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        CODEC.decode(Happened(uuid4(), 1, uuid4(), "job.forgotten.v1", {}, {}, datetime.now(UTC)))


def test_two_events_cannot_share_a_topic() -> None:
    with pytest.raises(ValueError, match="share"):
        Codec([Job, Job])


COLUMNS = (UUID(int=3), UUID(int=1), 1, UUID(int=2), "a.b.v1")
AT = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_digest_depends_on_where_a_column_ends() -> None:
    assert digest(*COLUMNS, "{}1", "{}", AT) != digest(*COLUMNS, "{}", "1{}", AT)


def test_the_digest_is_the_published_one() -> None:
    """Its definition is a contract: verifiers outside this code compute it too."""
    found = digest(*COLUMNS, '{"a":1}', "{}", AT).hex()

    assert found == "869a144031daa88cca33d19e0bb84f93e4ea85925c6b1ef0843e392814b0fd65"


def test_every_creation_event_of_an_aggregate_is_known() -> None:
    assert {event.TOPIC for event in event_classes(Job)} >= {
        "job.created.v1",
        "job.requested.v1",
        "job.started.v1",
        "job.succeeded.v1",
    }
