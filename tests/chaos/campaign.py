"""One campaign: an installation of its own, clients, strikes, and the verdict on what is left."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import asyncpg

from chaos.asks import Ask
from chaos.checker import Verdict, judge
from chaos.client import Entry, Shop
from chaos.history import History, is_settled, read_history
from chaos.load import Load, under_load
from chaos.nemesis import Nemesis
from chaos.receiver import Receiver, receiving
from chaos.schedule import Strike
from chaos.signatures import wrong_signatures
from installation import Up, packshot, running_up

ORGS = ("Demo", "Globex", "Initech")  # the first is that of the first start
LOOK_EVERY_S = 0.1


@dataclass(slots=True)
class Ground:
    """A running installation, its organizations, and the receiver of their webhooks.

    ``told`` is what clients of earlier loads were told: it is to hold for good.
    """

    up: Up
    shops: list[Shop]
    receiver: Receiver
    owner_url: str
    told: list[Entry] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.up.port}"

    def is_settled(self, *, to_the_last_note: bool = False) -> bool:
        """Whether nothing is left to do; a database that is away says no.

        A webhook that was taken and whose sender died is left to its lease (60 s), unless the last
        note of it is to be waited for.
        """
        taken = () if to_the_last_note else self.receiver.taken
        try:
            return asyncio.run(is_settled(self.owner_url, taken=taken))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    def settle(self, *, within_s: float, to_the_last_note: bool = False) -> None:
        """Wait until nothing is left to do; what is left then, the checker will name."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            if self.is_settled(to_the_last_note=to_the_last_note):
                return
            time.sleep(LOOK_EVERY_S)

    def history(self) -> History:
        """What the installation says has happened."""
        return asyncio.run(read_history(self.owner_url, self.up.data))

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Hold the clients' log against the history, and verify the chain and the signatures."""
        self.told.extend(entries)
        verdict = judge(self.told, self.history(), taken=self.receiver.taken)
        verdict.objections.extend(wrong_signatures(self.base_url, self.shops, self.receiver.told))
        verdict.objections.extend(_wrong_chain(self.up.data))
        return verdict


@dataclass(slots=True)
class Outcome:
    """What came of a campaign."""

    seed: int
    verdict: Verdict
    entries: Sequence[Entry]
    history: History
    struck: Sequence[Strike] = ()
    missed: Sequence[Strike] = ()
    webhooks: int = 0
    took_s: float = 0.0


@contextmanager
def ground(
    folder: Path, *, lease_s: int, port: int | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[Ground]:
    """Run an installation and a receiver for the length of a block."""
    with receiving() as receiver:
        told = {
            "PACKSHOT_JOB_LEASE_SECONDS": str(lease_s),
            "PACKSHOT_ALLOWED_PRIVATE_CIDRS": f"127.0.0.1/32:{receiver.port}",
            **(environ or {}),
        }
        with running_up(folder / "data", port=port, environ=told) as up:
            shops = [_shop(up, name, receiver, org) for org, name in enumerate(ORGS)]
            yield Ground(up, shops, receiver, up.ready["databaseUrl"])


def campaign(
    seed: int,
    place: Ground,
    *,
    asks: Sequence[Ask],
    strikes: Sequence[Strike],
    patience_s: float,
    to_the_last_note: bool = False,
) -> Outcome:
    """Ask and strike at the same time, wait until all is quiet, and judge."""
    began_s = time.monotonic()
    nemesis = Nemesis(place.up)
    with under_load(place.base_url, place.shops, asks) as load, striking(nemesis, strikes):
        load.finish(within_s=patience_s)
    place.settle(within_s=patience_s, to_the_last_note=to_the_last_note)
    return outcome(seed, place, load, nemesis=nemesis, began_s=began_s)


def outcome(
    seed: int, place: Ground, load: Load, *, nemesis: Nemesis | None = None, began_s: float
) -> Outcome:
    """Judge what is left, and count it."""
    history = place.history()
    verdict = place.judge(load.entries)
    return Outcome(
        seed,
        verdict,
        load.entries,
        history,
        struck=nemesis.struck if nemesis else (),
        missed=nemesis.missed if nemesis else (),
        webhooks=len(place.receiver.taken),
        took_s=time.monotonic() - began_s,
    )


@contextmanager
def striking(nemesis: Nemesis, strikes: Sequence[Strike]) -> Iterator[None]:
    """Carry the strikes out beside the block, and wait for the last one after it."""
    stop, failures = Event(), []

    def strike() -> None:
        try:
            nemesis.run(strikes, stop=stop)
        except BaseException as failure:  # noqa: BLE001 - raised below, in the caller's thread
            failures.append(failure)

    thread = Thread(target=strike)
    thread.start()
    try:
        yield
        thread.join()
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]


def seed_of(environ: Mapping[str, str] = os.environ, *, default: int) -> int:
    """The seed: the variable SEED, else the default; printed, so that it can be replayed."""
    seed = int(environ.get("SEED", default))
    print(f"seed {seed}; again: SEED={seed}", file=sys.stderr, flush=True)
    return seed


def _shop(up: Up, name: str, receiver: Receiver, org: int) -> Shop:
    made: dict[str, Any] = up.ready
    if name != ORGS[0]:
        created = packshot("org", "create", name, "--data", up.data, "--json")
        made = json.loads(created.stdout)
    return Shop(made["orgId"], made["apiKey"], receiver.photos_url, receiver.url(org))


def _wrong_chain(data: Path) -> Iterator[str]:
    verified = packshot("audit", "verify", "--data", data)
    if verified.returncode != 0:
        yield f"audit verify: {verified.stdout[-500:]}{verified.stderr[-500:]}"
