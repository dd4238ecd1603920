"""Mail: one short text to one person, through the server that the installation names.

The standard library's client runs in a thread: a mail is seldom, and nobody waits for it.
"""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from ipaddress import ip_address
from typing import Self
from urllib.parse import unquote, urlsplit

TIMEOUT_S = 20.0
PORTS = {"smtp": 587, "smtps": 465}  # RFC 6409 and RFC 8314


class MailFailed(Exception):
    """The server did not take the mail; the message names no address and no password."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in: ``smtps`` speaks TLS from the first byte, ``smtp`` by STARTTLS.

    ``sender`` is whom mail is from. Without TLS nothing is handed in but on this very machine.
    """

    scheme: str
    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, url: str, *, sender: str) -> Self:
        """Read ``smtp(s)://[USER:PASSWORD@]HOST[:PORT]``; raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("must be smtp(s)://[USER:PASSWORD@]HOST[:PORT]")
        if "@" not in sender or not sender.isprintable():
            raise ValueError("needs PACKSHOT_SMTP_FROM, the address that mail comes from")
        user = None if parts.username is None else unquote(parts.username)
        password = None if parts.password is None else unquote(parts.password)
        port = parts.port or PORTS[parts.scheme]
        return cls(parts.scheme, parts.hostname, port, sender, user, password)

    async def send(self, to: str, *, subject: str, text: str) -> None:
        """Hand a mail in; raises MailFailed, after which it may still have been taken."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="packshot")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(text)
        try:
            await asyncio.to_thread(self._hand_in, message)
        except (OSError, smtplib.SMTPException) as problem:
            raise MailFailed(type(problem).__name__) from None

    def _hand_in(self, message: EmailMessage) -> None:
        context = ssl.create_default_context()
        if self.scheme == "smtps":
            with smtplib.SMTP_SSL(
                self.host, self.port, timeout=TIMEOUT_S, context=context
            ) as server:
                self._talk(server, message)
            return
        with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S) as server:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
            elif not _is_this_machine(self.host):
                raise smtplib.SMTPNotSupportedError("the server offers no STARTTLS")
            self._talk(server, message)

    def _talk(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        if self.user is not None:
            server.login(self.user, self.password or "")
        server.send_message(message)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
