"""Checks many addresses of one request: several at once, each host once, and not for ever."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from domain.errors import Refusal
from integrations.failures import RefusedUrl
from integrations.urls import parse_url
from packshot.edge.forms import MOST_MISTAKES_TOLD, all_of

if TYPE_CHECKING:
    from integrations.http import OutboundClient

AT_ONCE = 16
# A host whose lookup takes longer passes, as one that does not resolve does: every address is
# checked again whenever it is called.
WITHIN_S = 5.0


async def check_urls(outbound: "OutboundClient", urls: Mapping[str, str]) -> None:
    """Raise InvalidInput (url_not_allowed) when one of them may not be called.

    ``urls`` are by the names of their parameters, in the order in which mistakes are told.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def check(param: str, url: str) -> None:
        async with places:
            await outbound.check(url, param=param)

    tasks = [asyncio.create_task(check(*one)) for one in _first_of_each_server(urls)]
    if not tasks:
        return
    try:
        await asyncio.wait(tasks, timeout=WITHIN_S)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [error for error in ended if isinstance(error, Refusal)]
    if refused:
        raise all_of(refused[:MOST_MISTAKES_TOLD])


def _first_of_each_server(urls: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """The parameters and addresses to check: what may be called, its host and port decide."""
    first: dict[object, tuple[str, str]] = {}
    for param, url in urls.items():
        first.setdefault(_server_of(url), (param, url))
    return first.values()


def _server_of(url: str) -> object:
    """Host and port; an unreadable address stands for itself, and is refused."""
    try:
        target = parse_url(url)
    except RefusedUrl:
        return url
    return target.host, target.port
