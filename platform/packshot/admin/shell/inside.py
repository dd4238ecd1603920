"""Addresses of ours to go on at: never one that leads elsewhere."""

from urllib.parse import quote, urlsplit

START = "/studio"


def inside(wanted: str | None) -> str:
    """An address of ours to go on at; anything that could lead elsewhere is the start page."""
    if not wanted or not wanted.startswith("/") or "\\" in wanted or not wanted.isprintable():
        return START
    if wanted.startswith("//"):
        return START
    parts = urlsplit(wanted)
    path = quote(parts.path, safe="/:@!$&'()*+,;=-._~%")
    query = quote(parts.query, safe="/:@!$&'()*+,;=-._~%?")
    return f"{path}?{query}" if query else path
