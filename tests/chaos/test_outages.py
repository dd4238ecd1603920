"""Postgres and Valkey away for a while, and an end under load: nothing is lost, nobody restarts."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
import requests

from chaos.asks import Ask, picture, plan
from chaos.campaign import ORGS, Ground, ground, outcome
from chaos.load import Load, under_load
from chaos.nemesis import Nemesis, frozen
from chaos.table import printed
from installation import free_port, running_up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LEASE_S = 2
AWAY_S = 4.0
# What a caller waits at most for its 503: for a connection (5 s) and a statement (10 s) that hang,
# once for the request and once for what is undone of it.
ANSWERED_WITHIN_S = 30.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("outages"), lease_s=LEASE_S) as running:
        yield running


def some_wishes(seed: int, *, jobs: int = 25, within_s: float = AWAY_S) -> list[Ask]:
    """A few wishes of a seed, of numbers that no other has."""
    return plan(seed, jobs=jobs, within_s=within_s, orgs=len(ORGS), first=1000 * seed)


def ask_for_a_job(place: Ground, number: int) -> requests.Response:
    return requests.post(
        f"{place.base_url}/api/v1/jobs",
        headers={"x-api-key": place.shops[0].key, "idempotency-key": f"outage-{number}"},
        files={"image": ("photo.jpg", picture(number), "image/jpeg")},
        timeout=ANSWERED_WITHIN_S,
    )


def pids(place: Ground) -> dict[str, int]:
    found: dict[str, int] = place.up.ready["pids"]
    return {name: pid for name, pid in found.items() if name != "postgres"}


def holds(place: Ground, seed: int, load: Load, began_s: float) -> None:
    place.settle(within_s=75.0)
    came = outcome(seed, place, load, began_s=began_s)
    assert came.verdict.holds, printed(came)


def test_a_database_that_is_gone_is_a_clear_503_and_its_return_needs_no_restart(place: Ground):
    before, seed = pids(place), 11
    with under_load(place.base_url, place.shops, some_wishes(seed)) as load:
        began_s = time.monotonic()
        with kept_down(place):
            refused = ask_for_a_job(place, 1)
        load.finish(within_s=75.0)
    again = ask_for_a_job(place, 1)

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.json()["retryable"]
    assert int(refused.headers["retry-after"]) >= 1
    assert again.status_code == 202
    assert pids(place) == before
    holds(place, seed, load, began_s)


def test_a_database_that_hangs_is_a_503_within_its_patience_and_goes_on(place: Ground):
    before, seed = pids(place), 12
    with under_load(place.base_url, place.shops, some_wishes(seed)) as load:
        began_s = time.monotonic()
        postgres = Nemesis(place.up).living("postgres")
        assert postgres is not None
        with frozen(postgres):
            refused = ask_for_a_job(place, 2)
        load.finish(within_s=75.0)

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert "retry-after" in refused.headers
    assert pids(place) == before
    holds(place, seed, load, began_s)


def test_a_valkey_that_hangs_costs_patience_and_nothing_else(place: Ground):
    before, seed = pids(place), 13
    with under_load(place.base_url, place.shops, some_wishes(seed)) as load:
        began_s = time.monotonic()
        valkey = Nemesis(place.up).living("valkey")
        assert valkey is not None
        with frozen(valkey):
            meanwhile = [ask_for_a_job(place, number) for number in range(3, 6)]
            Event().wait(AWAY_S)
        load.finish(within_s=75.0)

    assert [answer.status_code for answer in meanwhile] == [202, 202, 202]
    assert pids(place) == before
    holds(place, seed, load, began_s)


def test_an_end_under_load_exits_0_and_a_later_start_goes_on(tmp_path: Path):
    port, seed = free_port(), 14
    with ground(tmp_path, lease_s=LEASE_S, port=port) as place:
        began_s = time.monotonic()
        with under_load(place.base_url, place.shops, some_wishes(seed, within_s=3.0)) as load:
            place.up.until(lambda: load.acknowledged > 3, what="some work")
            assert place.up.stop(signal.SIGINT) == 0
            environ = {
                "PACKSHOT_JOB_LEASE_SECONDS": str(LEASE_S),
                "PACKSHOT_ALLOWED_PRIVATE_CIDRS": f"127.0.0.1/32:{place.receiver.port}",
            }
            with running_up(place.up.data, port=port, environ=environ) as place.up:
                load.finish(within_s=75.0)
                holds(place, seed, load, began_s)


class kept_down:  # noqa: N801 - used as a word of the test
    """Kill Postgres each time it comes back, for AWAY_S at least and until the block has ended."""

    def __init__(self, place: Ground) -> None:
        self.nemesis = Nemesis(place.up)
        self.stop = Event()
        self.thread = Thread(target=self._keep_down)

    def __enter__(self) -> None:
        self._kill()
        self.thread.start()

    def __exit__(self, *_how: object) -> None:
        self.stop.wait(AWAY_S)
        self.stop.set()
        self.thread.join()

    def _keep_down(self) -> None:
        while not self.stop.wait(0.02):
            self._kill()

    def _kill(self) -> None:
        postgres = self.nemesis.find("postgres")
        if postgres is not None:
            try:
                postgres.kill()
                postgres.wait(10)
            except psutil.NoSuchProcess:
                return
