"""Render children are real processes here, and they are really killed."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import InvalidImage, Refusal, Unavailable
from imaging.recipe import Recipe
from imaging.rendered import Rendered
from packshot.render import pool as pool_module
from packshot.render.pool import RenderPool
from packshot.render.process import Child
from pictures import encoded, not_pictures

RECIPE = Recipe(width_px=300, height_px=300)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "photo"
    path.write_bytes(encoded("jpeg"))
    return path


def render(pool: RenderPool, source: Path) -> "asyncio.Task[Rendered]":
    return asyncio.create_task(
        pool.render(source, RECIPE, destination=source.with_name(f"out-{id(object())}"))
    )


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; the test's own time limit ends a wait in vain."""
    while not is_so():
        await asyncio.sleep(0)


async def busy_child(pool: RenderPool, *, but: Child | None = None) -> Child:
    """The child that renders now."""

    def busy() -> set[Child]:
        return {child for child in pool.children if child not in pool._idle and child is not but}

    await until(lambda: any(child.renders for child in busy()))
    return busy().pop()


async def test_a_picture_is_rendered_to_its_destination(pool: RenderPool, source: Path) -> None:
    destination = source.with_name("output")

    rendered = await pool.render(source, RECIPE, destination=destination)

    assert (rendered.width_px, rendered.height_px) == (300, 300)
    assert destination.stat().st_size == rendered.size_bytes
    assert {"pyvips", "libvips", "arch"} <= pool.engine.keys()


async def test_a_picture_is_measured_and_a_child_that_is_killed_costs_it_nothing(
    pool: RenderPool, source: Path
) -> None:
    task = asyncio.create_task(pool.measure(source))
    child = await busy_child(pool)
    os.kill(child.process.pid, signal.SIGKILL)

    facts = await task

    assert (facts.width_px, facts.height_px, facts.format) == (240, 240, "jpeg")
    source.write_bytes(b"no picture")
    with pytest.raises(InvalidImage):
        await pool.measure(source)


async def test_what_is_no_picture_is_refused_and_costs_no_child(
    pool: RenderPool, source: Path
) -> None:
    children = set(pool.children)

    for content in not_pictures().values():
        source.write_bytes(content)
        with pytest.raises(InvalidImage):
            await render(pool, source)

    assert set(pool.children) == children


async def test_a_child_killed_in_the_middle_of_a_picture_costs_nobody_the_picture(
    pool: RenderPool, source: Path
) -> None:
    task = render(pool, source)
    child = await busy_child(pool)

    os.kill(child.process.pid, signal.SIGKILL)

    assert (await task).width_px == 300


async def test_a_picture_that_kills_its_child_twice_is_refused(
    pool: RenderPool, source: Path
) -> None:
    task = render(pool, source)
    first = await busy_child(pool)
    os.kill(first.process.pid, signal.SIGKILL)
    second = await busy_child(pool, but=first)
    os.kill(second.process.pid, signal.SIGKILL)

    with pytest.raises(InvalidImage) as refused:
        await task

    assert refused.value.code == "malformed_image"
    assert (await render(pool, source)).width_px == 300


async def test_a_picture_that_uses_up_its_processor_time_is_not_tried_again(
    pool: RenderPool, source: Path
) -> None:
    task = render(pool, source)
    child = await busy_child(pool)
    os.kill(child.process.pid, signal.SIGXCPU)

    with pytest.raises(Unavailable) as late:
        await task

    assert late.value.code == "timeout"


async def test_a_render_that_takes_too_long_is_killed(source: Path) -> None:
    pool = RenderPool(1, wall_s=0.5)
    await pool.start()
    (child,) = pool.children
    os.kill(child.process.pid, signal.SIGSTOP)

    with pytest.raises(Unavailable) as late:
        await render(pool, source)

    assert late.value.code == "timeout"
    assert not child.is_alive
    await pool.stop()


async def test_a_dead_idle_child_is_never_handed_out_and_is_replaced(
    pool: RenderPool, source: Path
) -> None:
    killed = list(pool._idle)
    for child in killed:
        os.kill(child.process.pid, signal.SIGKILL)

    assert (await render(pool, source)).width_px == 300

    await until(lambda: len(pool._idle) == len(pool._watchers) == 2)
    assert all(child.is_alive and child not in killed for child in pool._idle)


async def test_more_pictures_than_places_are_refused_with_a_time_to_come_back(
    pool: RenderPool, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "WAITING_PER_CHILD", 1)

    results = await asyncio.gather(
        *(render(pool, source) for _ in range(6)), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, Refusal)]
    assert [refusal.code for refusal in refused] == ["overloaded", "overloaded"]
    assert refused[0].headers["retry-after"]
    assert (await render(pool, source)).width_px == 300


async def test_a_picture_that_waits_too_long_is_told_to_come_back(source: Path) -> None:
    pool = RenderPool(1, wall_s=2.0, wait_s=0.1)
    await pool.start()
    (child,) = pool.children
    os.kill(child.process.pid, signal.SIGSTOP)
    stuck = render(pool, source)

    with pytest.raises(Unavailable) as refused:
        await render(pool, source)

    assert refused.value.code == "overloaded"
    with pytest.raises(Unavailable):
        await stuck
    assert (await render(pool, source)).width_px == 300
    await pool.stop()


async def test_a_child_is_replaced_after_its_share_of_renders(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "RENDERS_PER_CHILD", 2)
    pool = RenderPool(1)
    await pool.start()
    (first,) = pool.children

    for _ in range(3):
        await render(pool, source)

    assert not first.is_alive
    assert pool.children
    await pool.stop()


async def test_a_caller_that_goes_away_leaves_no_child_in_doubt(
    pool: RenderPool, source: Path
) -> None:
    task = render(pool, source)
    child = await busy_child(pool)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not child.is_alive
    assert (await render(pool, source)).width_px == 300


async def test_stopping_ends_every_child(source: Path) -> None:
    pool = RenderPool(2)
    await pool.start()
    children = set(pool.children)

    await pool.stop()

    assert not any(child.is_alive for child in children)
