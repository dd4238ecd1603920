"""The broker: it takes the ids of jobs, and not without end."""

from collections.abc import Iterator

import pytest
from dramatiq.brokers.redis import RedisBroker

from domain.ids import JobId, OrgId
from packshot.store import broker as brokers
from packshot.store.broker import JOBS_QUEUE, open_broker, send
from packshot.store.jobrelay import Due
from services import RunningServices


@pytest.fixture
def broker(servers: RunningServices) -> Iterator[RedisBroker]:
    """The broker on a database of Valkey where nobody else works, with nothing in it."""
    joint = "&" if "?" in servers.redis_url else "?"
    broker = open_broker(f"{servers.redis_url}{joint}db=7")
    broker.flush_all()
    yield broker
    broker.flush_all()
    broker.close()


def test_where_nobody_works_unclaimed_jobs_do_not_pile_up(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "MOST_WAITING", 10)
    unclaimed = [Due(OrgId.new(), JobId.new()) for _ in range(4)]

    for _ in range(20):
        send(broker, unclaimed)

    assert broker.do_qsize(JOBS_QUEUE) == 12
