"""The long campaign: ``python -m chaos.jobs [--seed N] [--kills N] [--jobs N] [--port N]``.

Prints what it does and the table; ends with 1 when anything was lost, doubled or objected to.
"""

import argparse
import os
import tempfile
from pathlib import Path
from random import SystemRandom

from chaos.asks import plan
from chaos.campaign import ORGS, campaign, ground
from chaos.schedule import Outages, schedule
from chaos.table import printed

SECONDS_A_KILL = 6.0
LEASE_S = 5
# Long enough for everything that is left: a webhook whose sender died waits for its lease of 60 s.
PATIENCE_S = 300.0
OUTAGES = Outages(postgres_s=30.0, valkey_s=60.0)


def main() -> int:
    """Run one campaign; 0 when every promise was kept."""
    told = _arguments()
    seed = told.seed if told.seed is not None else SystemRandom().randrange(1_000_000)
    within_s = told.kills * SECONDS_A_KILL + OUTAGES.postgres_s + OUTAGES.valkey_s
    strikes = schedule(
        seed, kills=told.kills, within_s=within_s, worker_freeze_s=LEASE_S + 2, outages=OUTAGES
    )
    asks = plan(seed, jobs=told.jobs, within_s=within_s, orgs=len(ORGS))
    print(f"seed {seed}: {len(strikes)} strikes and {len(asks)} wishes in {within_s:.0f} s")
    print("\n".join(str(strike) for strike in strikes), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="packshot-soak-", dir=told.folder))
    with ground(folder, lease_s=LEASE_S, port=told.port) as place:
        outcome = campaign(
            seed,
            place,
            asks=asks,
            strikes=strikes,
            patience_s=PATIENCE_S,
            to_the_last_note=True,
        )
    print(printed(outcome))
    print(f"data and terminal: {folder}")
    return 0 if outcome.verdict.holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="packshot soak jobs")
    environment = os.environ.get("SEED")
    parser.add_argument("--seed", type=int, default=int(environment) if environment else None)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--port", type=int, default=None)
    parser.add_argument("--folder", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
