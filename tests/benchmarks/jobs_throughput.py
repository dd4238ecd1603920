"""Large pictures end to end against the child pool fed directly, and two workers against one."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.jobs_installation import Installation, an_installation, held, never_the_same
from benchmarks.rows import paired_ratio, row
from imaging.recipe import Recipe
from packshot.render.pool import RenderPool

ROUNDS = 5
PICTURES = 12  # a turn; half as many for one worker
WORKERS = 2


def throughput_rows(photo: bytes) -> list[dict[str, Any]]:
    """The rows ``job-throughput`` and ``scaling``, and the scaling of the bare pool beside it.

    Each of the two workers has one renderer, the pool beside them two. Rates are pictures a second
    from the first start to the last end; the turns of pool and workers alternate.
    """
    rates: dict[str, list[float]] = {"pool": [], "both": [], "one": [], "pool-one": []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        installation = stack.enter_context(an_installation(workers=WORKERS, renderers=1))
        pool = RenderPool(WORKERS)
        installation.run(pool.start())
        stack.callback(lambda: installation.run(pool.stop()))
        pool_rate = partial(_pool_rate, installation, pool, folder=folder, photo=photo)
        for number in range(1 + ROUNDS):
            taken = {
                "pool": pool_rate(WORKERS),
                "both": _rate(installation, photo, workers=WORKERS),
                "one": _rate(installation, photo, workers=1),
                "pool-one": pool_rate(1),
            }
            if number > 0:  # the first round warms
                for name, rate in taken.items():
                    rates[name].append(rate)
    throughput = paired_ratio(rates["both"], rates["pool"])
    scaling = paired_ratio(rates["both"], rates["one"])
    of_the_pool = paired_ratio(rates["pool"], rates["pool-one"])
    return [
        row("job-throughput", throughput, unit="ratio", target=0.9, better="more"),
        row("scaling", scaling, unit="ratio", target=1.6, better="more"),
        row("scaling-pool", of_the_pool, unit="ratio"),
    ]


def _pool_rate(
    installation: Installation, pool: RenderPool, at_once: int, *, folder: Path, photo: bytes
) -> float:
    """Pictures a second of the child pool that is given files and told where to write."""
    sources = [folder / f"{number}.jpg" for number in range(PICTURES * at_once // WORKERS)]
    places = asyncio.Semaphore(at_once)
    for source in sources:
        source.write_bytes(never_the_same(photo))

    async def render(source: Path) -> None:
        async with places:
            await pool.render(source, Recipe(), destination=source.with_suffix(".out"))

    async def render_all() -> float:
        began_s = perf_counter()
        await asyncio.gather(*(render(source) for source in sources))
        return perf_counter() - began_s

    took_s: float = installation.run(render_all())
    return len(sources) / took_s


def _rate(installation: Installation, photo: bytes, *, workers: int) -> float:
    """Pictures a second of jobs that were all queued before the relay began."""
    photos = [never_the_same(photo) for _ in range(PICTURES * workers // WORKERS)]
    jobs = installation.ask(photos)
    second = installation.workers[1] if workers == 1 else None
    with held(second), installation.relaying():
        installation.wait_until_done(jobs)
    return len(jobs) / _seconds(list(installation.spans(jobs).values()))


def _seconds(spans: Sequence[tuple[Any, Any]]) -> float:
    """From the first start to the last end."""
    took = max(ended for _, ended in spans) - min(started for started, _ in spans)
    return float(took.total_seconds())
