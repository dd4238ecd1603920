"""What a server sends, counted as it comes in: not more than allowed, and not more than it said."""

from integrations.failures import OutboundFailed

END_OF_HEAD = b"\r\n\r\n"


class Meter:
    """The bytes of one response after the other on a connection, heads and padding included."""

    def __init__(self) -> None:
        self._left_bytes = 0
        self._read_bytes = 0
        self._head = bytearray()
        self._head_bytes: int | None = None

    def start(self, allowed_bytes: int) -> None:
        """Begin with a response, which may have that many bytes for now."""
        self._read_bytes, self._head, self._head_bytes = 0, bytearray(), None
        self._left_bytes = allowed_bytes

    def allow(self, allowed_bytes: int) -> None:
        """Let that many more bytes in, and no others."""
        self._left_bytes = allowed_bytes

    def count(self, data: bytes) -> None:
        """Note bytes that came; raises OutboundFailed("too_large") when there are too many."""
        self._left_bytes -= len(data)
        self._read_bytes += len(data)
        if self._left_bytes < 0:
            raise OutboundFailed("too_large")
        if self._head_bytes is None:
            searched = max(0, len(self._head) - len(END_OF_HEAD) + 1)
            self._head += data
            end = self._head.find(END_OF_HEAD, searched)
            if end >= 0:
                self._head_bytes = end + len(END_OF_HEAD)

    def is_exact(self, body_bytes: int) -> bool:
        """Whether exactly one head and a body of that size came.

        Anything after them would be taken for the answer to the next request.
        """
        return self._head_bytes is not None and self._read_bytes == self._head_bytes + body_bytes
