"""Bodies that are pulled, and files on their way to the disk: without a server around them."""

import asyncio
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidInput
from packshot.edge import bodies, spool
from packshot.edge.bodies import ClientGone, PulledBody, unless_client_leaves
from packshot.edge.spool import FORGOTTEN_AFTER_S, SpoolFile, spooling, sweep_spool


def body_of(*messages: dict[str, Any], max_bytes: int | None = None) -> PulledBody:
    """A body whose client sends these messages and is silent then."""
    waiting = list(messages)

    async def receive() -> Any:
        if waiting:
            return waiting.pop(0)
        return await asyncio.get_running_loop().create_future()

    body = PulledBody(None, max_bytes)
    body.pull_from(receive)
    return body


def piece(data: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


GONE = {"type": "http.disconnect"}


async def test_a_body_is_read_whole() -> None:
    assert await body_of(piece(b"ab"), piece(b""), piece(b"c", more=False)) == b"abc"


async def test_a_whole_body_above_its_cap_is_refused_while_it_arrives() -> None:
    with pytest.raises(InvalidInput) as refused:
        await body_of(piece(b"abc"), piece(b"def"), max_bytes=5)

    assert refused.value.code == "file_too_large"


async def test_a_client_that_leaves_is_noticed() -> None:
    with pytest.raises(ClientGone):
        await body_of(piece(b"ab"), GONE)


async def test_a_client_that_falls_asleep_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.0)

    with pytest.raises(InvalidInput, match="stopped arriving"):
        await body_of(piece(b""))


async def test_work_ends_when_its_client_leaves() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    with pytest.raises(ClientGone):
        await unless_client_leaves(body_of(piece(b"late"), GONE), work())

    assert ended.is_set()


async def test_work_that_ends_first_is_answered() -> None:
    async def work() -> int:
        return 7

    assert await unless_client_leaves(body_of(), work()) == 7


async def test_what_work_refuses_is_raised() -> None:
    async def work() -> int:
        raise InvalidInput("invalid_parameter", "no")

    with pytest.raises(InvalidInput):
        await unless_client_leaves(body_of(), work())


async def test_a_spooled_file_is_hashed_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BATCH_BYTES", 1000)
    pieces = [os.urandom(333) for _ in range(50)]

    async with spooling(tmp_path) as file:
        for data in pieces:
            await file.write(data)
        spooled = await file.finish(filename="a.jpg")
        on_disk = spooled.path.read_bytes()

    whole = b"".join(pieces)
    assert on_disk == whole
    assert (spooled.sha256, spooled.size_bytes) == (sha256(whole).hexdigest(), len(whole))


async def test_a_spooled_file_is_gone_whichever_way_it_is_left(tmp_path: Path) -> None:
    async def fail(leave: Callable[[SpoolFile], Any]) -> None:
        async with spooling(tmp_path) as file:
            await file.write(bytes(2 * spool.BATCH_BYTES))
            leave(file)

    def refuse(_file: SpoolFile) -> None:
        raise InvalidInput("malformed_request", "no")

    def be_cancelled(_file: SpoolFile) -> None:
        raise asyncio.CancelledError

    with pytest.raises(InvalidInput):
        await fail(refuse)
    with pytest.raises(asyncio.CancelledError):
        await fail(be_cancelled)
    await fail(lambda file: file.path.unlink())

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    left, other = tmp_path / "a.part", tmp_path / "c.txt"
    for path in (left, other):
        path.touch()
    os.utime(left, (0, 0))
    now_s = left.stat().st_ctime

    assert sweep_spool(tmp_path, now_s=now_s + FORGOTTEN_AFTER_S - 1) == 0
    assert sweep_spool(tmp_path, now_s=now_s + FORGOTTEN_AFTER_S + 1) == 1
    assert list(tmp_path.iterdir()) == [other]
