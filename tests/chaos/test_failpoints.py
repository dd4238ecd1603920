"""Each named place at which a process can die, once: what was acknowledged is kept, and done once.

All die in one installation, one after another, under one load.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.asks import Ask, plan
from chaos.campaign import ORGS, Outcome, ground, outcome
from chaos.load import under_load
from chaos.table import printed
from packshot import failpoints

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SEED = 3
LEASE_S = 2
WISHES = 80
WITHIN_S = 16.0
# The pass at which a process dies there: they are apart, so that each finds its process alive.
PLACES = {
    "api.after_idem_insert": 3,
    "job.before_commit": 4,
    "job.after_commit": 5,
    "api.before_commit": 6,
    "api.after_commit": 7,
    "worker.after_claim": 2,
    "worker.after_blob_put": 3,
    "worker.before_done": 4,
    "worker.after_done_before_ack": 5,
    "relay.after_send": 2,
    "relay.before_mark": 3,
    "hook.after_post_before_mark": 2,
    "projector.mid_batch": 5,
    "checkpoint.after_sign": 2,
}


@pytest.fixture(scope="module")
def died(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Outcome]]:
    """The folder of what died, and what came of the load."""
    folder = tmp_path_factory.mktemp("failpoints")
    marks = folder / "marks"
    marks.mkdir()
    environ = {
        "FAILPOINTS": ",".join(f"{name}:kill@{count}" for name, count in PLACES.items()),
        "FAILPOINTS_ONCE": str(marks),
    }
    with ground(folder, lease_s=LEASE_S, environ=environ) as place:
        began_s = time.monotonic()
        with under_load(place.base_url, place.shops, wishes()) as load:
            load.finish(within_s=75.0)
        place.settle(within_s=75.0)
        yield marks, outcome(SEED, place, load, began_s=began_s)


def wishes() -> list[Ask]:
    """The plan of the seed; the deaths in an API process are for those that repeat their key."""
    return plan(SEED, jobs=WISHES, within_s=WITHIN_S, orgs=len(ORGS))


@pytest.mark.parametrize("name", PLACES)
def test_a_process_died_at(name: str, died: tuple[Path, Outcome]):
    marks, _ = died

    assert (marks / name).exists()


def test_nothing_acknowledged_is_lost_or_done_twice(died: tuple[Path, Outcome]):
    _, came = died

    print(printed(came))
    assert came.verdict.holds, printed(came)


def test_every_failpoint_of_the_product_dies_here():
    """A place that nobody dies at proves nothing."""
    product = Path(failpoints.__file__).parent
    named = {
        name
        for path in product.rglob("*.py")
        for name in re.findall(r"\bfailpoint\(\"([a-z._]+)\"\)", path.read_text())
    }

    elsewhere = {
        name for name in named if name.startswith(("publish.", "catalog."))
    }  # beside a shop
    assert named - elsewhere == set(PLACES)
