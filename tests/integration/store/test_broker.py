"""The broker: it takes the ids of jobs, and not without end."""

from collections.abc import Iterator

import pytest
from dramatiq.brokers.redis import RedisBroker

from domain.ids import JobId, OrgId
from packshot.store import broker as brokers
from packshot.store.broker import open_broker, send
from packshot.store.jobrelay import Due
from services import RunningServices

# The workers of other tests in this process listen to the usual one.
QUEUE = "jobs-of-nobody"


@pytest.fixture
def broker(servers: RunningServices, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisBroker]:
    """The broker on a queue that nobody works on, with nothing in it."""
    monkeypatch.setattr(brokers, "JOBS_QUEUE", QUEUE)
    broker = open_broker(servers.redis_url)
    broker.flush(QUEUE)
    yield broker
    broker.flush(QUEUE)
    broker.close()


def test_where_nobody_works_unclaimed_jobs_do_not_pile_up(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "MOST_WAITING", 10)
    unclaimed = [Due(OrgId.new(), JobId.new()) for _ in range(4)]

    for _ in range(20):
        send(broker, unclaimed)

    assert broker.do_qsize(QUEUE) == 12
