"""Fills an empty shop from a folder: `catalog.json` and the pictures that it names."""

import hashlib
import json
from pathlib import Path
from typing import Any

from shopbridge import store
from shopbridge.pictures import picture_of
from shopbridge.store import Store
from shopbridge.wanted import CONTROL, SKU_MAX, SLOTS, TEXT_MAX

CATALOG = "catalog.json"


class UnusableCatalog(Exception):
    """The folder cannot be imported; the message says why."""


def fill(shop: Store, folder: Path) -> int:
    """Import a folder into a shop without listings, all or nothing; returns how many came in.

    ``catalog.json`` is a list of ``{"sku", "title", "url", "images": [{"file", "alt"}]}``; slots
    follow from the order. Raises UnusableCatalog.
    """
    with shop.writing() as db:
        if store.items(db, after="", limit=1):
            return 0
        try:
            listings = json.loads((folder / CATALOG).read_text())
            for listing in listings:
                _add(db, listing, folder)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise UnusableCatalog(f"{folder / CATALOG} cannot be imported: {problem!r}") from None
    return len(listings)


def _add(db: Any, listing: dict[str, Any], folder: Path) -> None:
    sku, title = _text(listing["sku"], SKU_MAX), _text(listing["title"], TEXT_MAX)
    pictures = listing["images"]
    if not sku or not 1 <= len(pictures) <= len(SLOTS):
        raise ValueError(f"{sku!r} needs a SKU and 1 to {len(SLOTS)} images")
    db.execute("INSERT INTO listing VALUES (?, ?, ?, '')", (sku, title, listing.get("url")))
    images = []
    for slot, picture in zip(SLOTS, pictures, strict=False):
        data = (folder / picture["file"]).read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        if picture_of(data) is None:
            raise ValueError(f"{picture['file']} is neither JPEG nor PNG")
        alt = _text(picture.get("alt", ""), TEXT_MAX)
        images.append({"slot": slot, "remoteId": store.keep(db, data, sha256=sha256, alt=alt)})
    store.show(db, sku, images)


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or CONTROL.search(value):
        raise ValueError(f"{value!r:.60} is not text of at most {most} printable characters")
    return value
