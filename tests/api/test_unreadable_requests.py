"""What the server itself cannot read ends in the log, without what was sent."""

from api.client import exchange_raw
from api.server import RunningApi
from packshot.commands.organizations import Created


def test_a_request_that_the_server_cannot_read_is_not_quoted(
    api: RunningApi, acme: Created
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
    settings, headers = b"\0\0\0\4\0\0\0\0\0", b"\0\0%c\1\5\0\0\0\1" % len(fields)

    exchange_raw(api.port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers + fields)

    line = api.log.wait_for(event="task_died")
    assert any("UnicodeDecodeError at http_stream.py" in error for error in line["errors"])
    assert acme.secret[-30:].encode() not in b"".join(api.log.raw)
