"""The photo of a request as a file, wherever it comes from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from packshot.commands.making import Photo
from packshot.commands.plans import Link
from packshot.commands.requests import without_query
from packshot.edge.contract import Call


@asynccontextmanager
async def fetched(call: Call[Any], source: Photo | Link) -> AsyncIterator[Photo]:
    """The photo as a file; one that was fetched is gone when the block is left."""
    if isinstance(source, Photo):
        yield source
        return
    photo = await call.services.downloads.fetch(source.url)
    try:
        yield replace(photo, address=without_query(source.url))
    finally:
        photo.path.unlink(missing_ok=True)
