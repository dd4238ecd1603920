"""What is looked at on every page: in light and dark, on a phone and on a desk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
WIDTHS = (390, 1360)
# What the network layer writes about every answer of 4xx; the page tells the person itself.
ANSWERED = "Failed to load resource: the server responded with a status of"


@dataclass
class Watched:
    """A page of the browser, and what went wrong on it so far."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", lambda request: self._on_request(request.url))

    def go(self, path: str) -> None:
        """Open an address of ours."""
        self.page.goto(self.base_url + path)

    def _on_console(self, message: object) -> None:
        kind, text = getattr(message, "type"), getattr(message, "text")  # noqa: B009
        if kind in {"error", "warning"} and not text.startswith(ANSWERED):
            self.complaints.append(f"console {kind}: {text}")

    def _on_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"data", "blob", "about"}:
            return
        if parts.netloc != urlsplit(self.base_url).netloc:
            self.complaints.append(f"request to another host: {url}")


@contextmanager
def a_page(
    browser: Browser,
    base_url: str,
    *,
    session: str | None,
    theme: Theme = "light",
    width: int = 1360,
) -> Iterator[Watched]:
    """A page of a fresh browser profile, signed in by a session's text."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    if session is not None:
        host = urlsplit(base_url).hostname or ""
        context.add_cookies(
            [{"name": "session", "value": session, "domain": host, "path": "/", "httpOnly": True}]
        )
    try:
        watched = Watched(context.new_page(), base_url)
        watched.watch()
        yield watched
    finally:
        context.close()


def assert_sound(watched: Watched) -> None:
    """In every theme and width: nothing that axe minds, nothing wider than the window.

    And no complaint of the browser until now.
    """
    for theme, width in _every_way(watched):
        place = f"{watched.page.url}, {theme}, {width} px"
        violations = _violations(watched.page)
        assert violations == [], f"{place}: {violations}"
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert watched.page.evaluate(overflow) <= 0, f"horizontal scroll at {place}"
    assert watched.complaints == [], watched.complaints


def _violations(page: Page) -> list[str]:
    """What axe minds, which is put into the page once."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("async () => (await axe.run({resultTypes: ['violations']})).violations")
    return [
        f"{violation['id']}: {[node['html'][:160] for node in violation['nodes']]}"
        for violation in found
    ]


def keep_picture(watched: Watched, folder: Path | None, name: str) -> None:
    """Keep pictures of the page, for people to look at, where a folder was asked for."""
    if folder is not None:
        for theme, width in _every_way(watched):
            watched.page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)


def look_at(watched: Watched, path: str, name: str, *, folder: Path | None) -> None:
    """Open an address of ours, wait until all of it is there, keep pictures and check it."""
    watched.go(path)
    watched.page.wait_for_load_state("networkidle")
    keep_picture(watched, folder, name)
    assert_sound(watched)


def _every_way(watched: Watched) -> Iterator[tuple[Theme, int]]:
    """Show the page in every theme and width, one after another, and then as it was."""
    page = watched.page
    before = page.viewport_size
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    try:
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                yield theme, width
    finally:
        page.emulate_media(color_scheme="dark" if is_dark else "light")
        if before is not None:
            page.set_viewport_size(before)
