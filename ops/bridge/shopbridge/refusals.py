"""What the bridge refuses, as codes and sentences of the protocol."""

from http import HTTPStatus
from typing import Any


class Refused(Exception):
    """A request that is answered with a status of 400 or above."""

    def __init__(self, status: HTTPStatus, code: str, message: str, **more: Any) -> None:
        """Keep the answer; ``more`` are further fields of it."""
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, **more}


def bad_request(message: str) -> Refused:
    """The refusal of a request that is not understood."""
    return Refused(HTTPStatus.BAD_REQUEST, "bad_request", message)
