"""A mail server for tests: takes what is handed in on loopback, by the words of RFC 5321."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from threading import Condition, Thread

WITHIN_S = 30.0


@dataclass
class Mailbox:
    """What came; ``refuses`` makes the server say no to every recipient."""

    port: int = 0
    refuses: bool = False
    mails: list[Message] = field(default_factory=list)
    refused: int = 0
    _changed: Condition = field(default_factory=Condition)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def take(self, mail: bytes | None) -> None:
        with self._changed:
            if mail is None:
                self.refused += 1
            else:
                self.mails.append(message_from_bytes(mail, policy=default))
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Message]:
        """The first mails, as soon as there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.mails) >= count, WITHIN_S)
            return list(self.mails)

    def wait_for_refused(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.refused > 0, WITHIN_S)


@contextmanager
def a_mailbox() -> Iterator[Mailbox]:
    """A running mail server."""
    box = Mailbox()

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 test")
            while line := self.rfile.readline():
                match line[:4].upper().strip():
                    case b"EHLO":
                        self.say("250 test")
                    case b"RCPT" if box.refuses:
                        self.say("550 nobody here")
                        box.take(None)
                    case b"DATA":
                        self.say("354 go on")
                        box.take(self.read_mail())
                        self.say("250 taken")
                    case b"QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 ok")

        def say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

        def read_mail(self) -> bytes:
            lines: list[bytes] = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            return b"".join(lines)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Talk) as server:
        box.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
