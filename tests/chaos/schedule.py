"""What dies when: a list of strikes that follows from a seed and from nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Target = Literal[
    "api", "worker", "worker's renderer", "api's renderer", "relay", "projector", "valkey",
    "postgres",
]  # fmt: skip
# kill: SIGKILL. wipe: SIGKILL, and its data is gone. freeze: SIGSTOP for a while, then it goes on
# as if nothing had been.
Action = Literal["kill", "wipe", "freeze"]

KILLS: Sequence[tuple[Target, Action]] = (
    ("api", "kill"),
    ("worker", "kill"),
    ("worker's renderer", "kill"),
    ("api's renderer", "kill"),
    ("relay", "kill"),
    ("projector", "kill"),
    ("valkey", "wipe"),
    ("postgres", "kill"),
)


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that is done to one process, ``at_s`` seconds after the load began."""

    at_s: float
    target: Target
    action: Action
    for_s: float = 0.0

    def __str__(self) -> str:
        length = f" for {self.for_s:g} s" if self.for_s else ""
        return f"{self.at_s:6.1f} s  {self.action} {self.target}{length}"


@dataclass(frozen=True, slots=True)
class Outages:
    """How long the two servers are silent, each once; 0: not at all."""

    postgres_s: float = 0.0
    valkey_s: float = 0.0


def schedule(
    seed: int,
    *,
    kills: int,
    within_s: float,
    worker_freeze_s: float,
    outages: Outages | None = None,
) -> list[Strike]:
    """The strikes of a seed: ``kills`` deaths spread over ``within_s`` seconds.

    Every target dies once before any dies twice. Once in each such round a worker freezes for
    longer than its lease, and comes back.
    """
    random = Random(f"strikes {seed}")
    planned: list[tuple[Target, Action, float]] = []
    left = kills
    while left > 0:
        turn = [(target, action, 0.0) for target, action in random.sample(KILLS, len(KILLS))][:left]
        left -= len(turn)
        turn.insert(random.randrange(len(turn) + 1), ("worker", "freeze", worker_freeze_s))
        planned.extend(turn)
    silent = outages or Outages()
    if silent.postgres_s:
        planned.insert(len(planned) // 3, ("postgres", "freeze", silent.postgres_s))
    if silent.valkey_s:
        planned.insert(2 * len(planned) // 3, ("valkey", "freeze", silent.valkey_s))
    apart_s = within_s / len(planned)
    return [
        Strike(round((number + random.uniform(0.1, 0.9)) * apart_s, 2), target, action, for_s)
        for number, (target, action, for_s) in enumerate(planned)
    ]
