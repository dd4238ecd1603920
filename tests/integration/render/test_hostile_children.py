"""A child that a picture took over, or that cannot start, harms nothing but its own picture."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.errors import InvalidImage, Unavailable
from imaging.recipe import Recipe
from packshot.render import process as process_module
from packshot.render.pool import RenderPool
from pictures import encoded

RECIPE = Recipe(width_px=300, height_px=300)

# Says that it is ready, and then to every request the same.
PARROT = """
import sys, time
print('{"engine": {"libvips": "0"}}', flush=True)
for request in sys.stdin.buffer:
    sys.stdout.buffer.write(%r)
    sys.stdout.flush()
"""

GOOD: dict[str, Any] = {
    "format": "jpeg",
    "width_px": 300,
    "height_px": 300,
    "size_bytes": 7,
    "bytes_sha256": "a" * 64,
    "pixel_sha256": "b" * 64,
    "subject": None,
    "warnings": [],
    "plan": {},
    "source": {},
    "timings": {},
    "generated": False,
}


def rendered(**changes: Any) -> bytes:
    return orjson.dumps({"rendered": GOOD | changes}) + b"\n"


def refusal(**members: Any) -> bytes:
    return orjson.dumps({"refusal": members}) + b"\n"


HOSTILE = {
    "nothing": b"\n",
    "no JSON": b"Segmentation fault\n",
    "no object": b"[1]\n",
    "neither": b"{}\n",
    "an endless line": b"x" * 100_000 + b"\n",
    "deep nesting": b"[" * 30_000 + b"]" * 30_000 + b"\n",
    "a path for a hash": rendered(bytes_sha256="../../../../etc/cron.d/x".ljust(64, "x")),
    "a hash of another length": rendered(bytes_sha256="a" * 63),
    "a hash in capitals": rendered(pixel_sha256="B" * 64),
    "an unknown format": rendered(format="html"),
    "a width that no canvas has": rendered(width_px=2**60),
    "a missing member": orjson.dumps({"rendered": {"format": "jpeg"}}) + b"\n",
    "a text for a number": rendered(height_px="300"),
    "infinity": rendered(timings={"x": 1.5}).replace(b"1.5", b"1e999"),
    "not a number": rendered(timings={"x": 1.5}).replace(b"1.5", b"NaN"),
    "a NUL in a text": rendered(plan={"x": "a\x00b"}),
    "a lone surrogate": rendered(plan={"x": "?"}).replace(b"?", b"\\ud800"),
    "a file of another size": rendered(size_bytes=8),
    "a refusal with no words": refusal(code="malformed_image"),
    "a refusal whose code is a sentence": refusal(code="GET / HTTP/1.1", detail="x"),
    "a refusal that is a list": b'{"refusal": [1]}\n',
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "photo"
    path.write_bytes(encoded("jpeg"))
    return path


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes every child started from now on run this program."""

    def run(program: str) -> None:
        (tmp_path / "child.py").write_text(program)
        words = (sys.executable, "-S", str(tmp_path / "child.py"))
        monkeypatch.setattr(process_module, "COMMAND", words)

    return run


@asynccontextmanager
async def started(size: int) -> AsyncIterator[RenderPool]:
    pool = RenderPool(size)
    try:
        await pool.start()
        yield pool
    finally:
        await pool.stop()


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
async def test_an_answer_that_is_none_costs_the_child_and_refuses_the_picture(
    command: Callable[[str], None], source: Path, answer: bytes
) -> None:
    command(PARROT % answer)
    destination = source.with_name("output")
    destination.write_bytes(b"seven b")
    async with started(1) as pool:
        (first,) = pool.children

        with pytest.raises(InvalidImage) as refused:
            await pool.render(source, RECIPE, destination=destination)

        assert refused.value.code == "malformed_image"
        assert not first.is_alive
        assert first not in pool.children


async def test_a_sound_answer_of_such_a_child_is_believed(
    command: Callable[[str], None], source: Path
) -> None:
    command(PARROT % rendered())
    destination = source.with_name("output")
    destination.write_bytes(b"seven b")

    async with started(1) as pool:
        answer = await pool.render(source, RECIPE, destination=destination)

    assert answer.to_dict() == GOOD


async def test_a_picture_that_is_not_there_is_not_believed(
    command: Callable[[str], None], source: Path
) -> None:
    command(PARROT % rendered())

    async with started(1) as pool:
        with pytest.raises(InvalidImage):
            await pool.render(source, RECIPE, destination=source.with_name("nothing"))


async def test_a_child_sets_no_header_of_the_answer(
    command: Callable[[str], None], source: Path
) -> None:
    words = {"code": "malformed_image", "detail": "x", "headers": {"set-cookie": "a=b"}}
    command(PARROT % refusal(**words))

    async with started(1) as pool:
        with pytest.raises(InvalidImage) as refused:
            await pool.render(source, RECIPE, destination=source.with_name("output"))

    assert refused.value.headers == {}


async def test_when_no_child_can_be_started_the_service_is_to_blame_and_not_the_picture(
    command: Callable[[str], None], source: Path
) -> None:
    async with started(1) as pool:
        (child,) = pool.children
        command("raise SystemExit(3)")
        await child.kill()

        with pytest.raises(Unavailable) as away:
            await pool.render(source, RECIPE, destination=source.with_name("output"))

    assert away.value.code == "overloaded"


async def test_a_child_that_never_gets_ready_is_given_up(
    command: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    command("import signal; signal.pause()")
    monkeypatch.setattr(process_module, "START_SECONDS", 0.3)

    with pytest.raises(Unavailable):
        async with started(2):
            pass


async def test_a_pool_that_cannot_start_leaves_no_child(
    command: Callable[[str], None], tmp_path: Path
) -> None:
    once, failed = tmp_path / "once", tmp_path / "failed"
    os.mkfifo(failed)
    command(f"""
import os, signal
try:
    os.mkdir({str(once)!r})
except FileExistsError:
    with open({str(failed)!r}, 'wb') as told:
        told.write(b'x')
    raise SystemExit(3)
with open({str(failed)!r}, 'r+b', buffering=0) as failures:
    failures.read(1), failures.read(1)
print('{{"engine": {{}}}}', flush=True)
signal.pause()
""")
    pool = RenderPool(3)

    with pytest.raises(Unavailable):
        await pool.start()
    living = list(pool.children)
    await pool.stop()

    assert len(living) == 1
    assert not any(child.is_alive for child in living)


async def test_a_pool_that_was_stopped_in_the_middle_of_a_picture_starts_no_child_again(
    source: Path,
) -> None:
    pool = RenderPool(1)
    await pool.start()
    task = asyncio.create_task(pool.render(source, RECIPE, destination=source.with_name("output")))
    while pool._idle:
        await asyncio.sleep(0)

    await pool.stop()

    with pytest.raises(Unavailable):
        await task
    assert pool.children == set()
