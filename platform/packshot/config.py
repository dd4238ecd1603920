"""What the environment decides: read once, checked whole, then passed around as values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from domain.networks import Network, read_network

X_FORWARDED_FOR = "x-forwarded-for"
MIB = 1024 * 1024
DEMO_SHOP_URL = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]{0,4}", re.ASCII)
DEFAULT_PUBLIC_URL = "http://localhost:3000"
LIMITER_ANSWER_WITHIN_S = 0.05


class InvalidSettings(Exception):
    """The environment holds settings that cannot be used; every one of them is listed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process of Packshot is told from outside.

    ``database_url`` is read as the role ``packshot_app``, ``writer_database_url`` appended through
    as ``packshot_writer``, followed through ``projector_database_url`` as ``packshot_projector``;
    the owner's URL is only needed by ``packshot migrate``, ``rebuild`` and ``up``.

    ``public_api`` lets callers without a key try the picture operations, under limits of their own.
    ``public_url`` is where people reach the pages, without a path: links begin with it.

    ``trusted_proxies`` are the networks of proxies that are believed about who asks, as they say it
    in ``forwarded_header``, ``x-forwarded-for`` or ``forwarded``.

    A worker that is silent for ``job_lease_s`` seconds is taken for dead. ``allowed_private`` lists
    the private addresses that pictures may come from and webhooks go to. ``demo_shop_url`` is the
    address of the demo shop that `up` runs, ``http://127.0.0.1:PORT``; None where there is none.
    ``smtp_url`` is where mail is handed in (see ``integrations.mail``); None: no mail is sent.
    ``checkpoint_url`` is where checkpoints of the logs are posted; None for nowhere.
    People sign in through the provider ``oidc_issuer`` too, which is called ``oidc_name``.
    ``most_in_flight`` requests are answered by one process side by side; an organization of which a
    job has waited for more than ``most_queue_s`` seconds cannot ask for another one (0: it can).
    Valkey has ``limiter_answer_within_s`` seconds for a limit before the process counts for itself,
    its share where there are ``api_processes``.
    """

    database_url: str = field(repr=False)  # all four may hold passwords
    writer_database_url: str = field(repr=False)
    projector_database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    storage_dir: Path
    secrets_dir: Path
    render_children: int
    job_lease_s: int = 30
    allowed_private: str = ""
    public_url: str = DEFAULT_PUBLIC_URL
    upload_max_bytes: int = 50 * MIB
    public_api: bool = False
    demo_shop_url: str | None = None
    checkpoint_url: str | None = None
    limiter_answer_within_s: float = LIMITER_ANSWER_WITHIN_S
    trusted_proxies: tuple[Network, ...] = ()
    forwarded_header: str = X_FORWARDED_FOR
    api_processes: int = 1
    most_in_flight: int = 1000
    most_queue_s: int = 60
    smtp_url: str | None = field(default=None, repr=False)
    smtp_from: str = ""
    oidc_issuer: str | None = None
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_name: str = ""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read ``PACKSHOT_*``; raises InvalidSettings that names every wrong or missing one."""
        reader = _Reader(environ)
        database_url = reader.text("PACKSHOT_DATABASE_URL")
        settings = cls(
            database_url=database_url,
            writer_database_url=environ.get("PACKSHOT_WRITER_DATABASE_URL") or database_url,
            projector_database_url=environ.get("PACKSHOT_PROJECTOR_DATABASE_URL") or database_url,
            redis_url=reader.text("PACKSHOT_REDIS_URL"),
            storage_dir=Path(reader.text("PACKSHOT_STORAGE_DIR")),
            secrets_dir=Path(reader.text("PACKSHOT_SECRETS_DIR")),
            render_children=reader.whole("PACKSHOT_RENDER_CHILDREN", default=0, at_most=256),
            job_lease_s=reader.whole(
                "PACKSHOT_JOB_LEASE_SECONDS", default=30, at_least=1, at_most=3600
            ),
            api_processes=reader.whole(
                "PACKSHOT_API_PROCESSES", default=1, at_least=1, at_most=1000
            ),
            most_in_flight=reader.whole(
                "PACKSHOT_MOST_IN_FLIGHT", default=1000, at_least=1, at_most=100_000
            ),
            most_queue_s=reader.whole("PACKSHOT_MOST_QUEUE_SECONDS", default=60, at_most=86_400),
            allowed_private=environ.get("PACKSHOT_ALLOWED_PRIVATE_CIDRS", ""),
            demo_shop_url=reader.demo_shop_url("PACKSHOT_DEMO_SHOP_URL"),
            smtp_url=environ.get("PACKSHOT_SMTP_URL") or None,
            smtp_from=environ.get("PACKSHOT_SMTP_FROM", ""),
            checkpoint_url=reader.url("PACKSHOT_CHECKPOINT_URL"),
            oidc_issuer=reader.issuer("PACKSHOT_OIDC_ISSUER"),
            oidc_client_id=environ.get("PACKSHOT_OIDC_CLIENT_ID", ""),
            oidc_client_secret=environ.get("PACKSHOT_OIDC_CLIENT_SECRET", ""),
            oidc_name=environ.get("PACKSHOT_OIDC_NAME", ""),
            public_api=reader.switch("PACKSHOT_PUBLIC_API"),
            trusted_proxies=reader.networks("PACKSHOT_TRUSTED_PROXIES"),
            forwarded_header=reader.word(
                "PACKSHOT_FORWARDED_HEADER", (X_FORWARDED_FOR, "forwarded")
            ),
            public_url=reader.origin("PACKSHOT_PUBLIC_URL", default=DEFAULT_PUBLIC_URL),
        )
        reader.refuse_mistakes()
        return settings


class _Reader:
    """Reads settings and remembers every mistake, so that all are told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.mistakes: list[str] = []

    def text(self, name: str) -> str:
        value = self.environ.get(name, "")
        if not value:
            self.mistakes.append(f"{name} is not set")
        return value

    def origin(self, name: str, *, default: str) -> str:
        """Read scheme, host and port of an address, without the slash at its end."""
        value = (self.environ.get(name) or default).rstrip("/")
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
            self.mistakes.append(f"{name} must be http(s)://HOST[:PORT]; got {value!r}")
        return value

    def url(self, name: str) -> str | None:
        value = self.environ.get(name) or None
        parts = urlsplit(value or "https://none")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            self.mistakes.append(f"{name} must be http(s)://HOST[:PORT][/PATH]")  # may hold a token
        return value

    def whole(self, name: str, *, default: int, at_most: int, at_least: int = 0) -> int:
        value = self.environ.get(name, str(default))
        is_whole = value.isascii() and value.isdigit() and len(value) <= len(str(at_most))
        if not is_whole or not at_least <= int(value) <= at_most:
            self.mistakes.append(
                f"{name} must be a whole number from {at_least} to {at_most}; got {value!r}"
            )
            return default
        return int(value)

    def networks(self, name: str) -> tuple[Network, ...]:
        texts = [text.strip() for text in self.environ.get(name, "").split(",") if text.strip()]
        read = []
        for text in texts:
            try:
                read.append(read_network(text))
            except ValueError as mistake:
                self.mistakes.append(f"{name} holds {text!r}, which is no network. {mistake}")
        return tuple(read)

    def word(self, name: str, words: tuple[str, ...]) -> str:
        """Read one of the words; the first one is the default."""
        value = (self.environ.get(name) or words[0]).lower()
        if value not in words:
            self.mistakes.append(f"{name} must be one of {', '.join(words)}; got {value!r}")
        return value

    def switch(self, name: str) -> bool:
        value = self.environ.get(name) or "off"
        if value not in {"on", "off"}:
            self.mistakes.append(f"{name} must be on or off; got {value!r}")
        return value == "on"

    def issuer(self, name: str) -> str | None:
        """Read who vouches for people, exactly as it calls itself: a slash at the end counts."""
        value = self.environ.get(name) or None
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            self.mistakes.append(f"{name} must be http(s)://HOST[:PORT][/PATH]; got {value!r}")
        for needed in ("PACKSHOT_OIDC_CLIENT_ID", "PACKSHOT_OIDC_CLIENT_SECRET"):
            self.text(needed)
        return value

    def demo_shop_url(self, name: str) -> str | None:
        value = self.environ.get(name) or None
        if value is not None and not DEMO_SHOP_URL.fullmatch(value):
            self.mistakes.append(f"{name} must be http://127.0.0.1:PORT; got {value!r}")
        return value

    def refuse_mistakes(self) -> None:
        if self.mistakes:
            raise InvalidSettings("; ".join(self.mistakes))
