"""The README's examples run as printed: only the key, the file and the port are filled in."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from api.server import RunningApi
from packshot.commands.organizations import Created
from pictures import encoded

README = Path(__file__).parents[2] / "README.md"
CHROMIUM = shutil.which("chromium")
CHROMIUM_OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def published(language: str, *, number: int = 0) -> str:
    """A code block of the README."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)[number]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo called product.jpg."""
    (tmp_path / "product.jpg").write_bytes(encoded("jpeg", side=1200))
    return tmp_path


def filled_in(code: str, api: RunningApi, acme: Created) -> str:
    """The code with this API's port and this organization's key."""
    assert "YOUR_API_KEY" in code
    assert "http://localhost:3000" in code
    return code.replace("YOUR_API_KEY", acme.secret).replace(":3000", f":{api.port}")


def test_the_python_example_runs_as_printed(api: RunningApi, acme: Created, folder: Path) -> None:
    code = filled_in(published("python"), api, acme)

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "'presetLabel': 'api-test'" in done.stdout


def test_the_curl_example_runs_as_printed(api: RunningApi, acme: Created, folder: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    code = filled_in(published("sh", number=1), api, acme)

    done = subprocess.run(["sh", "-ec", code], cwd=folder, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (folder / "packshot.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_the_curl_example_of_a_job_runs_as_printed(
    api: RunningApi, acme: Created, folder: Path, workers: None
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    ask, look = filled_in(published("sh", number=2), api, acme).split("\n\n")

    asked = subprocess.run(["sh", "-ec", ask], cwd=folder, capture_output=True, check=False)
    job = json.loads(asked.stdout)
    look = look.replace("<jobId>", job["jobId"])
    looked = subprocess.run(["sh", "-ec", look], cwd=folder, capture_output=True, check=False)

    assert job["status"] == "queued"
    done = json.loads(looked.stdout)
    assert (done["jobId"], done["status"]) == (job["jobId"], "succeeded")
    assert done["outputs"][0]["presetLabel"] == "api-test"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_the_javascript_example_runs_as_printed_from_a_page_of_another_origin(
    api: RunningApi, acme: Created, folder: Path, other_origin: str
) -> None:
    code = filled_in(published("javascript"), api, acme)
    told: list[Any] = []
    errors: list[str] = []

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=False, args=CHROMIUM_OPTIONS
        )
        page = browser.new_page()
        page.on("console", lambda line: told.append(line.args[0].json_value()))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(other_origin)
        page.set_input_files("input", folder / "product.jpg")
        page.evaluate(f"async () => {{ {code} }}")
        limit = page.evaluate(READ_A_HEADER, [f"http://localhost:{api.port}", acme.secret])
        browser.close()

    assert errors == []
    assert told[0]["output"]["presetLabel"] == "api-test"
    assert told[0]["output"]["width"] == 2000
    assert limit.isdigit()


READ_A_HEADER = """
async ([base, key]) => (await fetch(`${base}/api/v1/whoami`, {
  headers: { authorization: `Bearer ${key}` },
})).headers.get("x-ratelimit-remaining")
"""


def test_the_readme_shows_a_real_answer(api: RunningApi, acme: Created, folder: Path) -> None:
    """The same fields as today's answer, so that the README cannot grow old unseen."""
    shown = json.loads(published("json"))
    code = filled_in(published("python"), api, acme).replace(
        "print(response.json())", "print(response.text)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )

    answer = json.loads(done.stdout)
    assert fields(answer) == fields(shown)
    assert answer["output"]["recipeHash"] == shown["output"]["recipeHash"]


def fields(document: Any) -> Any:
    """The names in a document, without its values."""
    if isinstance(document, dict):
        return {name: fields(value) for name, value in document.items()}
    return None


class OnePage(BaseHTTPRequestHandler):
    """Serves one page with a file input."""

    def do_GET(self) -> None:
        page = b"<!doctype html><title>shop</title><input type=file>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def other_origin() -> Iterator[str]:
    """A page of another origin than the API's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OnePage) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()
