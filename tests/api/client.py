"""A client for tests: requests with a key, and raw bytes on a socket."""

import socket
from dataclasses import dataclass
from typing import Any

import requests

from packshot.edge.problems import KINDS

WITHIN_S = 20.0


@dataclass(slots=True)
class Client:
    """Sends requests with a key; ``key=None`` sends none."""

    base_url: str
    session: requests.Session
    key: str | None

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"x-api-key": self.key} if self.key else {}
        headers |= options.pop("headers", {})
        options.setdefault("timeout", WITHIN_S)
        return self.session.request(method, self.base_url + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.send("POST", path, **options)

    def without_key(self) -> "Client":
        return Client(self.base_url, self.session, None)

    def with_key(self, key: str) -> "Client":
        return Client(self.base_url, self.session, key)


def assert_problem(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is a whole problem document with this code, and return it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert problem["type"] == f"/docs/errors/{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["requestId"] == answer.headers["x-request-id"]
    assert problem["retryable"] is KINDS[code].retryable
    return problem


def exchange_raw(port: int, request: bytes) -> bytes:
    """Send the bytes and read until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as connection:
        connection.sendall(request)
        connection.settimeout(2.0)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            pass
        return answer
