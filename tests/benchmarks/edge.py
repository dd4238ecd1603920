"""The edge against a bare Quart route on the same server: CPU a request, uploads, memory, keys."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import psutil
from PIL import Image

from api.conftest import found, write_secrets
from api.server import RunningApi, running_api
from benchmarks.rows import paired_ratio, row
from packshot.config import Settings
from packshot.wiring import open_services
from services import running_services

ROUNDS = 7
REQUESTS = 3000
CONNECTIONS = 8
SENDERS = 8
KEY_CHECKS = 2000
UPLOAD_BYTES = 50 * 1024 * 1024
UPLOADS_A_ROUND = 4
ROOT = Path(__file__).parents[2]
BOUNDARY = b"packshot-benchmark"
NO_PICTURE = bytes(UPLOAD_BYTES)

BARE = """
import asyncio, hashlib, sys, tempfile, uvloop
from multipart import PushMultipartParser, MultipartSegment, parse_options_header
from quart import Quart, request
from hypercorn.asyncio import serve
from packshot.serve import _server_config, listen

app = Quart("bare", static_folder=None)
app.config["MAX_CONTENT_LENGTH"] = None

@app.get("/json")
async def answer():
    return {"orgId": "org_01", "orgName": "Acme", "keyId": "key_01", "scopes": ["images:process"]}

@app.post("/upload")
async def upload():
    _, options = parse_options_header(request.headers["content-type"])
    digest, size = hashlib.sha256(), 0
    with (
        PushMultipartParser(options["boundary"]) as parser,
        tempfile.TemporaryFile(dir=sys.argv[1]) as file,
    ):
        async for piece in request.body:
            for event in parser.parse(piece):
                if event and not isinstance(event, MultipartSegment):
                    digest.update(event)
                    file.write(event)
                    size += len(event)
    return {"sha256": digest.hexdigest(), "bytes": size}

async def main():
    sockets = listen(0)
    print(sockets[0].getsockname()[1], flush=True)
    await serve(app, _server_config(sockets), shutdown_trigger=asyncio.Event().wait)

uvloop.run(main())
"""


def run() -> list[dict[str, Any]]:
    """Measure the section `edge` of the targets; about a minute on two cores."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        api, key = _start_api(stack, folder)
        bare_port, bare = stack.enter_context(_bare_server(folder))
        pair = _Pair(api.port, psutil.Process(api.process.pid), bare_port, bare, key)
        return [
            row("edge-json", _json_ratio(pair), unit="ratio", target=3.0),
            row("upload-50", _upload_ratio(pair), unit="ratio", target=1.4),
            row("http-over-render", _over_render_ms(pair), unit="ms", target=40.0),
            row("upload-memory", _upload_growth_mb(pair), unit="MB", target=96.0),
            row("key-check", _key_check_us(api.settings, key), unit="µs", target=50.0),
        ]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Our server and the bare one, and the key that both are asked with."""

    port: int
    ours: psutil.Process
    bare_port: int
    bare: psutil.Process
    key: str


def _start_api(stack: ExitStack, folder: Path) -> tuple[RunningApi, str]:
    servers = stack.enter_context(running_services())
    runner = stack.enter_context(asyncio.Runner())
    opened = servers.database()
    database = runner.run(opened.__aenter__())
    stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
    write_secrets(folder / "secrets")
    settings = Settings(
        database_url=database.app_url,
        writer_database_url=database.writer_url,
        projector_database_url=database.projector_url,
        redis_url=servers.redis_url,
        storage_dir=folder / "storage",
        secrets_dir=folder / "secrets",
        render_children=1,
    )
    api = stack.enter_context(running_api(settings))
    return api, found(settings, "Acme").secret


@contextmanager
def _bare_server(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)])}
    command = [sys.executable, "-c", BARE, str(folder)]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _json_ratio(pair: _Pair) -> float:
    """CPU of an authenticated, limited GET ÷ CPU of the bare route, eight connections each."""
    head = f"HTTP/1.1\r\nHost: localhost\r\nx-api-key: {pair.key}\r\n\r\n"
    ask, ask_bare = f"GET /api/v1/whoami {head}".encode(), f"GET /json {head}".encode()
    spent, base = [], []
    for _ in range(ROUNDS):
        spent.append(_cpu_of(pair.ours, lambda: _drive(pair.port, ask)))
        base.append(_cpu_of(pair.bare, lambda: _drive(pair.bare_port, ask_bare)))
    return paired_ratio(spent, base)


def _upload_ratio(pair: _Pair) -> float:
    """CPU of 50 MB received by /process ÷ CPU of the bare handler that hashes and spools it.

    The file is no picture, so no render is part of it. Several uploads make a round, since the
    clock of CPU time ticks every 10 ms.
    """
    body = _multipart(NO_PICTURE)

    def upload(port: int, path: str) -> None:
        for _ in range(UPLOADS_A_ROUND):
            _upload(port, path, body, key=pair.key)

    spent, base = [], []
    for _ in range(ROUNDS):
        spent.append(_cpu_of(pair.ours, lambda: upload(pair.port, "/api/v1/process")))
        base.append(_cpu_of(pair.bare, lambda: upload(pair.bare_port, "/upload")))
    return paired_ratio(spent, base)


def _over_render_ms(pair: _Pair) -> float:
    """Wall time of /process minus what its render took in the child, at 12 MP, uncached."""
    photo = _photo_of_12_megapixels()
    over = []
    for number in range(ROUNDS + 1):
        width_px = 2000 - number  # never the same wish twice, so that nothing is cached
        body = _multipart(photo, width=str(width_px).encode())
        began = time.perf_counter()
        answer = _upload(pair.port, "/api/v1/process", body, key=pair.key)
        wall_ms = (time.perf_counter() - began) * 1000
        timings = json.loads(answer.partition(b"\r\n\r\n")[2])["output"]["timings"]
        over.append(wall_ms - sum(timings.values()))
    return median(over[1:])


def _upload_growth_mb(pair: _Pair) -> float:
    """Peak growth of the API's resident memory under eight uploads at once."""
    body = _multipart(NO_PICTURE)
    before = peak = pair.ours.memory_info().rss
    stop = Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.005):
            peak = max(peak, pair.ours.memory_info().rss)

    watcher = Thread(target=watch)
    watcher.start()
    address = (pair.port, "/api/v1/process", body)
    senders = [
        Thread(target=_upload, args=address, kwargs={"key": pair.key}) for _ in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    stop.set()
    watcher.join()
    return (peak - before) / 1e6


def _key_check_us(settings: Settings, key: str) -> float:
    """Microseconds of a check whose key is in the cache."""

    async def measure() -> float:
        async with open_services(settings, render=False) as services:
            times = []
            for _ in range(ROUNDS):
                await services.keys.check(key)
                began = time.perf_counter()
                for _ in range(KEY_CHECKS):
                    await services.keys.check(key)
                times.append((time.perf_counter() - began) / KEY_CHECKS)
            return median(times) * 1e6

    return asyncio.run(measure())


def _photo_of_12_megapixels() -> bytes:
    """A grey box on a light backdrop with a camera's noise, some megabytes as a JPEG."""
    photo = Image.effect_noise((4000, 3000), 12).point(lambda level: level + 108)
    photo.paste(Image.effect_noise((2000, 1800), 12), (1000, 600))
    file = BytesIO()
    photo.convert("RGB").save(file, "JPEG", quality=92)
    return file.getvalue()


def _cpu_of(process: psutil.Process, work: Callable[[], object]) -> float:
    before = process.cpu_times()
    work()
    after = process.cpu_times()
    return float(after.user + after.system - before.user - before.system)


def _drive(port: int, request: bytes) -> None:
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    for _ in range(REQUESTS // CONNECTIONS):
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            answer = _read_answer(connection)
            assert answer.startswith(b"HTTP/1.1 200"), answer
    for connection in connections:
        connection.close()


def _upload(port: int, path: str, body: bytes, *, key: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {key}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode())
        connection.sendall(body)
        return _read_answer(connection)


def _read_answer(connection: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head = answer.partition(b"\r\n\r\n")[0].lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    while len(answer) < len(head) + 4 + length:
        answer += connection.recv(65536)
    return answer


def _multipart(photo: bytes, **fields: bytes) -> bytes:
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (BOUNDARY, name.encode(), value)
        for name, value in fields.items()
    ]
    parts.append(
        b'--%s\r\nContent-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%s\r\n" % (BOUNDARY, photo)
    )
    return b"".join(parts) + b"--%s--\r\n" % BOUNDARY
