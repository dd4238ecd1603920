"""Runs the reference bridge as a merchant does, and calls it as any client could."""

import base64
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from PIL import Image
from standardwebhooks import Webhook

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "ops" / "bridge" / "bridge.py"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
Json = dict[str, Any]


def jpeg(red: int, *, side: int = 600) -> bytes:
    """A picture of one colour; another ``red`` is another picture."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), (red, 90, 120)).save(file, "JPEG")
    return file.getvalue()


def uploaded(slot: str, data: bytes, *, alt: str = "", media_type: str = "image/jpeg") -> Json:
    """A new picture, as a publish sends it."""
    sha256 = hashlib.sha256(data).hexdigest()
    encoded = base64.b64encode(data).decode()
    return {"slot": slot, "sha256": sha256, "mediaType": media_type, "data": encoded, "alt": alt}


def former(images: Sequence[Json]) -> list[Json]:
    """A list of images as a publish names what the shop has."""
    return [{"slot": one["slot"], "remoteId": one["remoteId"]} for one in images]


@dataclass(slots=True)
class Bridge:
    """A running bridge and a client with its secret."""

    folder: Path
    socket: socket.socket
    options: tuple[str, ...] = ()
    process: subprocess.Popen[str] | None = None
    secret: str = SECRET
    secrets: tuple[str, ...] = (SECRET,)
    count: int = field(default=0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def start(self) -> None:
        """Start the program; the socket listens already, so a call waits for it."""
        secret_file = self.folder / "secret"
        secret_file.write_text("\n".join(self.secrets))
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-E", PROGRAM, "--store", self.folder / "store"),
                *("--secret-file", secret_file, "--fd", str(self.socket.fileno())),
                *("--account", "Shop <1>", *self.options),
            ],
            pass_fds=(self.socket.fileno(),),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def kill(self) -> None:
        """End it as kill -9 does."""
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        """Ask it to stop; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def signed(self, content: str, *, age_s: float = 0, secret: str | None = None) -> Json:
        """The headers of a request, made by the library of the specification's authors."""
        self.count += 1
        message_id = f"msg_{os.getpid()}_{self.count}"
        at = datetime.now(UTC) - timedelta(seconds=age_s)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret or self.secret).sign(message_id, at, content),
        }

    def get(self, path: str, **how: Any) -> requests.Response:
        """A signed GET."""
        headers = self.signed(f"GET {path}", **how)
        return requests.get(self.url + path, headers=headers, timeout=30)

    def item(self, sku: str) -> Json:
        """One listing."""
        answer = self.get("/catalog/" + quote(sku, safe=""))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, body: bytes, *, key: str = "", **how: Any) -> requests.Response:
        """A signed publish of these bytes."""
        headers = self.signed(body.decode(), **how) | {"idempotency-key": key}
        return requests.post(self.url + "/publish", data=body, headers=headers, timeout=30)

    def publish(
        self, sku: str, images: Sequence[Json], *, key: str = "", **more: Any
    ) -> requests.Response:
        """A publish made from the listing as it is, unless ``baseDigest`` says otherwise."""
        base = more.pop("baseDigest", None) or self.item(sku)["digest"]
        wanted = {"sku": sku, "baseDigest": base, "images": list(images), **more}
        self.count += 1
        return self.post(json.dumps(wanted).encode(), key=key or f"key-{self.count}")


def fill(folder: Path, skus: Sequence[str], *, title: str = "Mug", pictures: int = 2) -> None:
    """A folder that a new shop is filled from."""
    folder.mkdir()
    listings = []
    for number, sku in enumerate(skus):
        images = []
        for place in range(pictures):
            name = f"{number}-{place}.jpg"
            (folder / name).write_bytes(jpeg(20 * place + number))
            images.append({"file": name, "alt": f"{sku}, {place}"})
        listings.append({"sku": sku, "title": title, "url": None, "images": images})
    (folder / "catalog.json").write_text(json.dumps(listings))


@contextmanager
def running_bridge(
    folder: Path, *options: str, secrets: tuple[str, ...] = (SECRET,)
) -> Iterator[Bridge]:
    """Run a bridge on a socket that outlives its deaths."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        bridge = Bridge(folder, listening, options, secrets=secrets)
        bridge.start()
        try:
            yield bridge
        finally:
            if bridge.process is not None and bridge.process.poll() is None:
                bridge.stop()
