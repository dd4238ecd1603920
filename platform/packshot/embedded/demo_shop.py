"""The demo shop: the reference bridge over DIR/demo-shop, with twelve products that we draw.

`python -m packshot.embedded.demo_shop` draws them where that is not done, then becomes the bridge:
what runs on is standard library only, and holds none of the memory that drawing took.
"""

import json
import os
import shutil
import socket
import sys
import threading
from pathlib import Path

from packshot.embedded.layout import Layout
from packshot.embedded.process import Service
from packshot.embedded.secrets import DEMO_SHOP_SECRET

NAME = "demo-shop"
BACKLOG = 128
GRACE_S = 15.0  # its own drain takes up to 10
NICENESS = 10

# The bridge is installed beside the package; a checkout has it among what runs it.
_INSTALLED = Path(__file__).parents[1] / "reference_bridge" / "bridge.py"
_CHECKOUT = Path(__file__).parents[3] / "ops" / "bridge" / "bridge.py"


def listening() -> socket.socket:
    """Listen on a free port of 127.0.0.1.

    The socket is ours and outlives the shop's deaths: a call that comes while the shop draws, or
    starts again, waits in its queue and is answered.
    """
    return socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)


def url_of(shop: socket.socket) -> str:
    """Return the address of the shop, for ``PACKSHOT_DEMO_SHOP_URL``."""
    return f"http://127.0.0.1:{shop.getsockname()[1]}"


def service(layout: Layout, shop: socket.socket, *, keep_open: tuple[int, ...] = ()) -> Service:
    """Describe the shop. It counts as ready once it runs: nobody has to wait for its pictures."""
    module = [sys.executable, "-P", "-m", "packshot.embedded.demo_shop"]
    return Service(
        name=NAME,
        argv=[*module, str(layout.root), str(shop.fileno())],
        is_ready=lambda _pid: True,
        grace_s=GRACE_S,
        keep_open=(shop.fileno(), *keep_open),
    )


def draw_listings(folder: Path) -> None:
    """Draw the shop's products into a folder, whole or not at all, as the bridge reads them."""
    from imaging.samples.shop import QUALITY, listings  # noqa: PLC0415 - a later start draws nothing

    unfinished = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    catalog = []
    for listing in listings():
        images = []
        for drawn, name, alt in zip(
            listing.drawn(),
            ("main", "near"),
            (listing.alt, f"{listing.alt}, from near"),
            strict=True,
        ):
            file = f"{listing.sku}-{name}.jpg"
            (unfinished / file).write_bytes(drawn.jpeg(QUALITY))
            images.append({"file": file, "alt": alt})
        catalog.append({"sku": listing.sku, "title": listing.title, "url": None, "images": images})
    (unfinished / "catalog.json").write_text(json.dumps(catalog, indent=1))
    unfinished.rename(folder)


def main(root: Path, descriptor: int) -> None:
    """Draw what is missing, then become the bridge."""
    layout = Layout.of(root)
    layout.demo_shop.mkdir(exist_ok=True, mode=0o700)
    pictures = layout.demo_shop / "listings"
    if not pictures.exists():
        drawing = threading.Thread(target=_draw_aside, args=(pictures,))
        drawing.start()
        drawing.join()
    bridge = _INSTALLED if _INSTALLED.exists() else _CHECKOUT
    options = {
        "--store": str(layout.demo_shop / "store"),
        "--secret-file": str(layout.secrets / DEMO_SHOP_SECRET),
        "--fd": str(descriptor),
        "--account": "Demo shop",
        "--fill": str(pictures),
        "--log-level": "warning",
    }
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - the standard library's signature
    arguments = [part for pair in options.items() for part in pair]
    # -E: a PYTHONSAFEPATH of the terminal would hide the bridge's own modules from it.
    os.execv(sys.executable, [sys.executable, "-E", str(bridge), *arguments])  # noqa: S606 - no shell


def _draw_aside(folder: Path) -> None:
    """Draw behind everything else; on Linux niceness is a thread's, so the bridge is not slowed."""
    if sys.platform == "linux":
        os.nice(NICENESS)
    draw_listings(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
