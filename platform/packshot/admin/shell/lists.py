"""What pages with lists share: the values of the pager, and addresses that keep their filters."""

from typing import Any
from urllib.parse import urlencode

from packshot.edge.paging import PageAnswer


def address(path: str, **query: str | None) -> str:
    """A path with the query that says something."""
    told = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(told)}" if told else path


def paging(path: str, page: PageAnswer, **query: str | None) -> dict[str, Any]:
    """What the template's pager is given; its first page stands for all pages before this one."""
    following = page.next_cursor
    return {
        "pages": {
            "first": page.from_,
            "last": page.to,
            "total": page.total,
            "is_lower_bound": page.total_is_lower_bound,
            "next": None if following is None else address(path, **query, cursor=following),
            "previous": address(path, **query) if page.from_ > 1 else None,
        }
    }
