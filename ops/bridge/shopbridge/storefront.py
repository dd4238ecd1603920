"""The shop as its customers see it: one page, no script, everything in it escaped."""

import base64
import hashlib
from html import escape
from urllib.parse import quote

from shopbridge.store import Json

STYLE = """
:root{color-scheme:light}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:#1d1d1b;background:#f6f5f2}
header{padding:2rem clamp(1rem,4vw,3rem) 1rem}
h1{margin:0;font-size:1.5rem;font-weight:650}
header p{margin:.25rem 0 0;color:#5c5a55}
main{display:grid;gap:1.5rem;padding:1rem clamp(1rem,4vw,3rem) 3rem;
grid-template-columns:repeat(auto-fill,minmax(15rem,1fr))}
article{background:#fff;border:1px solid #dedbd3;border-radius:10px;overflow:hidden;
display:flex;flex-direction:column}
article:target{outline:3px solid #1f5fbf}
article>a{display:block;aspect-ratio:1;background:#fff}
article img{width:100%;height:100%;object-fit:contain;display:block}
article div{padding:.9rem 1rem 1rem;border-top:1px solid #eceae4;display:flex;
flex-direction:column;gap:.5rem;flex:1}
h2{margin:0;font-size:1rem;font-weight:600;flex:1}
code{font:13px ui-monospace,monospace;color:#5c5a55;overflow-wrap:anywhere}
button{font:inherit;font-size:.9rem;padding:.4rem .8rem;border:1px solid #8b887f;
border-radius:6px;background:#fff;color:inherit;cursor:pointer}
button:hover{background:#f1efe9}
button:focus-visible,a:focus-visible{outline:3px solid #1f5fbf;outline-offset:2px}
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; img-src 'self'; style-src 'sha256-{STYLE_HASH}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
}


def page(account: str, items: list[Json], *, can_swap: bool) -> bytes:
    """The page of the listings; ``can_swap`` shows the buttons that change one."""
    cards = "".join(_card(one, can_swap=can_swap) for one in items)
    name = escape(account)
    note = (
        "“Swap pictures” is somebody else changing a listing: Packshot is not told."
        if can_swap
        else "The listings of this shop."
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><header><h1>{name}</h1><p>{note}</p></header>"
        f"<main>{cards or '<p>No listings yet.</p>'}</main></body></html>"
    ).encode()


def _card(item: Json, *, can_swap: bool) -> str:
    main = item["images"][0]
    sku, title = escape(item["sku"]), escape(item["title"])
    alt = escape(main["alt"] or item["title"])
    image, swap = escape(main["url"]), escape(f"/shop/{quote(item['sku'], safe='')}/swap")
    count = len(item["images"])
    button = (
        f'<form method="post" action="{swap}"><button aria-label="Swap pictures of {title}">'
        "Swap pictures</button></form>"
    )
    return (
        f'<article id="{sku}"><a href="{image}"><img src="{image}" alt="{alt}"'
        f' width="{main["width"]}" height="{main["height"]}" loading="lazy"></a>'
        f"<div><h2>{title}</h2><code>{sku} · {main['width']} × {main['height']} · "
        f"{count} picture{'' if count == 1 else 's'}</code>{button if can_swap else ''}"
        "</div></article>"
    )
