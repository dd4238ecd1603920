"""What the server itself cannot read ends in the log, without what was sent."""

import asyncio

import structlog.testing

from api.client import exchange_raw
from api.server import running_api
from packshot.commands.organizations import Created
from packshot.config import Settings
from packshot.edge.logs import log_unhandled


def test_a_request_that_the_server_cannot_read_is_not_quoted(
    settings: Settings, acme: Created
) -> None:
    def literal(name: bytes, value: bytes) -> bytes:  # RFC 7541, 6.2.2: new name, not packed
        return b"\x00%c%s%c%s" % (len(name), name, len(value), value)

    fields = b"".join(
        literal(name, value)
        for name, value in (
            (b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"x"),
            (b":path", b"/\xff"), (b"x-api-key", acme.secret.encode()),
        )
    )  # fmt: skip
    settings_frame, headers = b"\0\0\0\4\0\0\0\0\0", b"\0\0%c\1\5\0\0\0\1" % len(fields)

    with running_api(settings) as api:
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        exchange_raw(api.port, preface + settings_frame + headers + fields)

    # The process has ended: whatever it had to say of the request, it has said.
    said = b"".join(api.log.raw)
    assert b"api_stopped" in said
    assert acme.secret[-30:].encode() not in said
    assert b"Traceback" not in said


def test_a_dead_task_is_told_by_kind_and_place_and_never_by_its_words() -> None:
    secret = b"pshot_live_canary"
    unread = UnicodeDecodeError("utf-8", secret + b"\xff", 17, 18, "invalid start byte")

    with structlog.testing.capture_logs() as lines, asyncio.Runner() as runner:
        error = ExceptionGroup("unhandled", [unread])
        log_unhandled(runner.get_loop(), {"message": "a task died", "exception": error})

    assert lines[0]["errors"] == ["UnicodeDecodeError"]
    assert "canary" not in str(lines)
