"""The catalog in pages: what was asked, where the next page begins, how much fits into one."""

import base64
import binascii
import json
import re
import sqlite3
from dataclasses import dataclass
from urllib.parse import parse_qs

from shopbridge import store
from shopbridge.refusals import bad_request
from shopbridge.store import Json

LIMIT = 50
LIMIT_MAX = 100
LIMIT_TEXT = re.compile(r"[0-9]{1,3}", re.ASCII)
PAGE_MAX_CHARS = 200_000  # of four bytes at most: an answer stays below 1 MiB
CURSOR_MAX_CHARS = 600


@dataclass(frozen=True, slots=True)
class Asked:
    """A page: the listings behind the SKU ``after``, ``limit`` of them."""

    after: str = ""
    limit: int = LIMIT


def asked(query: str) -> Asked:
    """Read the query of a page; raises Refused ``bad_request``."""
    try:
        fields = parse_qs(
            query, keep_blank_values=True, strict_parsing=bool(query), errors="strict"
        )
    except ValueError:
        raise bad_request("The query cannot be read.") from None
    unknown = sorted(fields.keys() - {"cursor", "limit"})
    if unknown or any(len(values) > 1 for values in fields.values()):
        raise bad_request("The query has cursor and limit, each once.")
    limit = fields.get("limit", [str(LIMIT)])[0]
    if not LIMIT_TEXT.fullmatch(limit) or not 0 < int(limit) <= LIMIT_MAX:
        raise bad_request(f"limit must be 1 to {LIMIT_MAX}.")
    return Asked(_after(fields.get("cursor", [""])[0]), int(limit))


def page(db: sqlite3.Connection, asked: Asked) -> Json:
    """One page; it ends early where its answer would grow too large."""
    found = store.items(db, after=asked.after, limit=asked.limit + 1)
    fitting, chars = 0, 0
    for one in found[: asked.limit]:
        chars += len(json.dumps(one, ensure_ascii=False))
        if fitting and chars > PAGE_MAX_CHARS:
            break
        fitting += 1
    is_last = fitting == len(found)
    return {
        "items": found[:fitting],
        "nextCursor": None if is_last else _cursor(found[fitting - 1]["sku"]),
    }


def _cursor(sku: str) -> str:
    return base64.urlsafe_b64encode(sku.encode()).decode().rstrip("=")


def _after(cursor: str) -> str:
    if len(cursor) > CURSOR_MAX_CHARS:
        raise bad_request("This cursor is not one of ours.")
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_request("This cursor is not one of ours.") from None
