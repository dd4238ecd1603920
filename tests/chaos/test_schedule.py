"""The default schedule of deaths: whatever dies, nothing acknowledged is lost or done twice."""

from pathlib import Path

import pytest

from chaos.asks import plan
from chaos.campaign import ORGS, campaign, ground, seed_of
from chaos.schedule import KILLS, schedule
from chaos.table import printed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LEASE_S = 2
DEATHS = 13
WITHIN_S = 24.0
WISHES = 120


def test_nothing_acknowledged_is_lost_or_done_twice_whatever_dies(tmp_path: Path):
    seed = seed_of(default=20261122)
    asks = plan(seed, jobs=WISHES, within_s=WITHIN_S, orgs=len(ORGS))
    strikes = schedule(seed, kills=DEATHS, within_s=WITHIN_S, worker_freeze_s=LEASE_S + 1)

    with ground(tmp_path, lease_s=LEASE_S) as place:
        outcome = campaign(seed, place, asks=asks, strikes=strikes, patience_s=75.0)

    print(printed(outcome))
    assert outcome.verdict.holds, printed(outcome)
    assert sum(strike.action != "freeze" for strike in outcome.struck) == DEATHS
    assert {(strike.target, strike.action) for strike in outcome.struck} >= set(KILLS)


def test_a_seed_decides_the_strikes_and_the_wishes():
    def decided(seed: int) -> tuple[object, object]:
        return (
            schedule(seed, kills=40, within_s=80.0, worker_freeze_s=3.0),
            plan(seed, jobs=100, within_s=80.0, orgs=3),
        )

    assert decided(7) == decided(7)
    assert decided(7) != decided(8)
