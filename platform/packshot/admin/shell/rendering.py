"""Templates to answers: every page with the same frame, and the same strict policy."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from quart import Response

from domain.scopes import Scope
from packshot.admin.shell.answers import Html
from packshot.admin.shell.assets import A_YEAR_S, asset_url
from packshot.admin.shell.declaring import Visit
from packshot.admin.shell.origin import page_token
from packshot.commands.sessions import Visitor

TEMPLATES = Path(__file__).parents[1] / "templates"
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation."""

    name: str
    path: str
    icon: str
    scope: Scope


NAVIGATION: Sequence[tuple[str, Sequence[Section]]] = (
    (
        "",
        (
            Section("Studio", "/studio", "sparkles", Scope.FILES_READ),
            Section("Jobs", "/jobs", "list-checks", Scope.JOBS_READ),
        ),
    ),
    (
        "Publish",
        (
            Section("Catalog", "/catalog", "images", Scope.CATALOG_READ),
            Section("Direct publish", "/publish", "send", Scope.PUBLISH_READ),
            Section("Publish activity", "/publishes", "activity", Scope.PUBLISH_READ),
            Section("Integrations", "/integrations", "plug", Scope.INTEGRATIONS_READ),
        ),
    ),
    (
        "Develop",
        (
            Section("API keys", "/keys", "key-round", Scope.KEYS_READ),
            Section("API access", "/api-access", "terminal", Scope.FILES_READ),
        ),
    ),
    (
        "Organization",
        (
            Section("Team", "/team", "users", Scope.MEMBERS_READ),
            Section("Activity", "/activity", "history", Scope.AUDIT_READ),
            Section("Settings", "/settings", "settings", Scope.MEMBERS_READ),
        ),
    ),
)


def html_response(answer: Html, visit: Visit[Any]) -> Response:
    """The page or fragment as an answer."""
    nonce = secrets.token_urlsafe(16)
    text = (
        _environment()
        .get_template(answer.template)
        .render(_frame(visit, nonce) | dict(answer.values))
    )
    headers = {"content-security-policy": _policy(nonce), **PROTECTION, **answer.headers}
    if visit.is_https:
        headers["strict-transport-security"] = f"max-age={A_YEAR_S}"
    return Response(text, answer.status, headers, content_type="text/html; charset=utf-8")


PROTECTION: Mapping[str, str] = {
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "vary": "hx-request, cookie",
}


def _policy(nonce: str) -> str:
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; "
        "img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def _frame(visit: Visit[Any], nonce: str) -> dict[str, Any]:
    visitor = visit.signed_in
    theme = visit.request.cookies.get("theme", "")
    return {
        "visitor": visitor,
        "navigation": () if visitor is None else _navigation_of(visitor),
        "here": visit.exchange.path,
        "nonce": nonce,
        "page_token": ""
        if visit.token is None or visitor is None
        else page_token(visit.token, visitor.org_id),
        "theme": theme if theme in THEMES else "",
        "may": lambda scope: visitor is not None and visitor.access.may(Scope(scope)),
        "base_url": visit.own_address,
    }


def _navigation_of(visitor: Visitor) -> list[tuple[str, list[Section]]]:
    groups = (
        (name, [section for section in sections if visitor.access.may(section.scope)])
        for name, sections in NAVIGATION
    )
    return [(name, sections) for name, sections in groups if sections]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset_url
    environment.filters["moment"] = _moment
    environment.filters["bytes"] = _bytes
    environment.filters["instant"] = datetime.fromisoformat
    environment.filters["spaced"] = _spaced
    environment.filters["tight"] = lambda text: text.replace(" %", "%")
    environment.filters["day"] = lambda day: f"{day.day} {day:%b %Y}"
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment


def _moment(at: datetime | None, otherwise: str = "Never") -> Markup | str:
    """A time as people read it, in UTC; a script turns it into the reader's own."""
    if at is None:
        return otherwise
    text = f"{at.day} {at:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", text)


def _bytes(size: int) -> str:
    if size < 1000:  # noqa: PLR2004 - the units of storage
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"  # noqa: PLR2004


def _spaced(name: str) -> str:
    """A field's name in words: ``targetFill`` is Target fill."""
    return "".join(
        f" {letter.lower()}" if letter.isupper() else letter for letter in name
    ).capitalize()
