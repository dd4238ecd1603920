"""What commands do inside an installation: found, opened, and named beside the answer."""

# ruff: noqa: PLC0415 - --help answers in 0.2 s because nothing heavy is imported for it

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from packshot.cli.speaking import default_data, note, problems_as_sentences

if TYPE_CHECKING:
    from packshot.wiring import Services

T = TypeVar("T")


def in_installation(work: Callable[["Services"], Awaitable[T]], *, data: Path | None) -> T:
    """Do something with the services of the installation that is meant, and say which it was.

    The heads of what it writes are kept: whoever has them can prove what the log was then.
    """
    import asyncio

    with problems_as_sentences():
        from packshot.config import Settings
        from packshot.embedded.layout import WITNESS
        from packshot.embedded.visit import external_address, running_installation
        from packshot.store.witness import keeping_heads
        from packshot.wiring import open_services

        is_external = external_address(os.environ, "PACKSHOT_DATABASE_URL", data=data)
        settings = Settings.read(
            os.environ if is_external else running_installation(data or default_data()).settings
        )

        file = _own_witness() if is_external else settings.storage_dir / WITNESS

        async def run() -> T:
            async with open_services(settings, render=False) as services:
                with keeping_heads(services.store, file, clock=lambda: datetime.now(UTC)):
                    return await work(services)

        done = asyncio.run(run())
        note(settings.database_url)
    return done


def _own_witness() -> Path:
    """Where this user keeps the heads of an installation elsewhere."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "packshot" / "witness.jsonl"
