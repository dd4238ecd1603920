"""GET /docs/errors/{code}: what a problem's code means and how to mend it, as a page to read."""

import base64
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from domain.errors import NotFound
from packshot.edge.contract import Access, Call, NoFields, Reply, endpoint
from packshot.edge.problems import KINDS

# The pages are installed beside the package; a checkout has them at its root.
_INSTALLED = Path(__file__).parents[1] / "error_pages"
_CHECKOUT = Path(__file__).parents[3] / "docs" / "errors"

STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}code,pre{font:14px/1.5 ui-monospace,monospace;"
    "background:#f4f4f2}pre{padding:1rem;overflow-x:auto}code{padding:.1em .3em}"
    "pre code{padding:0}h1{line-height:1.2}"
)
STYLE_HASH = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@endpoint(
    "GET",
    "/docs/errors/{code}",
    scope=Access.PUBLIC,
    media_types=("text/html",),
    refuses=("not_found",),
)
async def read_error_page(call: Call[NoFields]) -> Reply:
    """Answer the page of an error's code."""
    code = call.path["code"]
    if code not in KINDS:  # also keeps every other path out of the file system
        raise NotFound("not_found", "There is no such code.", fix="See /api/v1/openapi for all.")
    return Reply(
        _page_of(code),
        media_type="text/html; charset=utf-8",
        headers={
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "cache-control": "public, max-age=3600",
        },
    )


@cache
def _page_of(code: str) -> bytes:
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    text = (folder / f"{code}.md").read_text(encoding="utf-8")
    body = MarkdownIt("commonmark", {"html": False}).render(text)
    title = escape(KINDS[code].title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    ).encode()
