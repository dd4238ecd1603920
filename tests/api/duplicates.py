"""Requests that are sent again: as raw bytes, many at once, and what came of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
import requests

from domain.ids import OrgId
from domain.recorded import Recorded
from packshot.config import Settings
from packshot.wiring import open_services

WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came over the socket."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def prepared(url: str, **options: Any) -> bytes:
    """A POST as the bytes that are sent, for one request on its connection."""
    request = requests.Request("POST", url, **options).prepare()
    headers = {**request.headers, "Host": "127.0.0.1", "Connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    return f"POST {request.path_url} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def send_at_once(port: int, requests_: list[bytes]) -> list[RawAnswer]:
    """Send each request on a connection of its own, all of them at the same time."""
    async with asyncio.timeout(WITHIN_S):
        return await asyncio.gather(*(_send(port, request) for request in requests_))


async def _send(port: int, request: bytes) -> RawAnswer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if not head:
        raise EOFError("the connection ended without an answer")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return RawAnswer(int(first.split()[1]), headers, body)


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[Any]:
    """A connection of the role that keeps answers."""
    connection = await asyncpg.connect(
        settings.writer_database_url, server_settings={"role": "packshot_writer"}
    )
    try:
        yield connection
    finally:
        await connection.close()


async def let_pass(settings: Settings, seconds: float) -> None:
    """Have that much time pass for every key."""
    async with writing(settings) as connection:
        await connection.execute(
            """
            UPDATE work.idempotency
            SET locked_until = locked_until - make_interval(secs => $1),
                expires_at = expires_at - make_interval(secs => $1)
            """,
            seconds,
        )


async def states(settings: Settings, org_id: OrgId) -> list[int | None]:
    """The status of each kept answer of the organization; None where a request runs."""
    async with writing(settings) as connection:
        rows = await connection.fetch(
            "SELECT status FROM work.idempotency WHERE tenant_id = $1", org_id.uuid
        )
    return [row["status"] for row in rows]


async def until_states(settings: Settings, org_id: OrgId, expected: list[int | None]) -> None:
    """Wait until the organization's keys are in these states."""
    async with asyncio.timeout(WITHIN_S):
        while await states(settings, org_id) != expected:
            await asyncio.sleep(0.01)


async def events_of(settings: Settings, org_id: OrgId) -> list[Recorded]:
    """What happened in the organization since it was founded and got its key."""
    async with open_services(settings, render=False) as services:
        return (await services.store.read(org_id, limit=10_000))[2:]


def jobs_in(events: list[Recorded]) -> list[str]:
    """The jobs that were requested."""
    return [str(event.stream_id) for event in events if event.type == "job.requested.v1"]


def problem(answer: RawAnswer) -> Any:
    """The code of a refusal."""
    return orjson.loads(answer.body)["code"]
