"""Where mail is handed in: what an address may be, and never in the clear to another machine."""

import pytest

from integrations.mail import MailFailed, MailServer
from postbox import a_mailbox

SENDER = "packshot@example.com"


def test_an_address_is_read_with_its_password_that_nobody_prints() -> None:
    server = MailServer.read("smtps://u%40x:can%2Fary@mail.example", sender=SENDER)

    assert (server.host, server.port, server.user) == ("mail.example", 465, "u@x")
    assert server.password == "can/ary"
    assert "ary" not in repr(server)


@pytest.mark.parametrize(
    "url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://a/b", "smtp://a:x"]
)
def test_what_is_no_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the address or of its port
        MailServer.read(url, sender=SENDER)


@pytest.mark.parametrize("sender", ["", "nobody", "a@b\nbcc: c@d"])
def test_mail_comes_from_an_address(sender: str) -> None:
    with pytest.raises(ValueError, match="PACKSHOT_SMTP_FROM"):
        MailServer.read("smtp://mail.example", sender=sender)


async def test_nothing_is_handed_in_in_the_clear_to_another_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_mailbox() as box:
        monkeypatch.setattr("integrations.mail._is_this_machine", lambda _host: False)
        server = MailServer.read(box.url, sender=SENDER)

        with pytest.raises(MailFailed, match="SMTPNotSupportedError"):
            await server.send("a@example.com", subject="s", text="t")

    assert box.mails == []


async def test_a_server_that_is_away_is_told_without_its_name() -> None:
    server = MailServer.read("smtp://u:canary@127.0.0.1:1", sender=SENDER)

    with pytest.raises(MailFailed) as failed:
        await server.send("canary@example.com", subject="s", text="t")

    assert "canary" not in str(failed.value)
