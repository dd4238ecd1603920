"""How the page of keys tells a key: its status in words, its scopes folded, who made it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.key_end import status_of
from domain.key_text import prefix_of
from domain.scopes import SCOPE_SETS, Scope
from projections.api_keys import ListedKey

SHOWN_SCOPES = 3
COLORS = {"active": "ok", "expiring": "warn", "rotating": "run", "expired": "", "revoked": "bad"}
NAMELESS = {"key": "a key", "user": "somebody who has left"}
SYSTEM = "Packshot"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as a line of the table; ``status_until`` is how long a secret before works.

    ``responsible`` answers for it; ``limited`` says that they may do less than its scopes, or have
    left. ``bounds`` are what else it is confined to, each with what lies behind a few words.
    """

    key: ListedKey
    prefix: str
    scopes: Sequence[str]
    more_scopes: Sequence[str]
    status: str
    status_until: datetime | None
    color: str
    maker: str
    responsible: str | None
    limited: str
    bounds: Sequence[tuple[str, str]]
    is_over: bool


def key_row(key: ListedKey, names: Mapping[str, str], *, moment: datetime | None = None) -> KeyRow:
    """The key as it stands at that time (None: now); ``names`` are of people and keys, by id."""
    now = moment or datetime.now(UTC)
    status = status_of(
        now, expires_at=key.expires_at, revoked_at=key.revoked_at, former_until=key.former_until
    )
    words = status.capitalize()
    until = None
    if status == "expiring" and key.expires_at is not None:
        words = _expires(key.expires_at, now)
    elif status == "rotating":
        until = key.former_until
    shown, more = _folded(key.scopes)
    return KeyRow(
        key,
        prefix_of(key.environment, key.kid),
        shown,
        more,
        words,
        until,
        COLORS[status],
        key.created_by_name
        or names.get(key.created_by_id)
        or NAMELESS.get(key.created_by_type, SYSTEM),
        key.responsible_name,
        _limited(key),
        _bounds(key),
        is_over=status in {"revoked", "expired"},
    )


def _limited(key: ListedKey) -> str:
    """What keeps the key from what it holds, in a few words; nothing where nothing does."""
    person = key.responsible
    if person is not None and person.has_left:
        return "Nobody answers for it: limited"
    if person is not None and len(key.access.scopes) < len(key.scopes):
        return f"Limited to what a {person.role} may"
    return ""


def _bounds(key: ListedKey) -> list[tuple[str, str]]:
    bounds = [("Test", "60 requests a minute, dry runs only")] if key.environment == "test" else []
    if key.allowed_cidrs:
        count = len(key.allowed_cidrs)
        text = "1 network" if count == 1 else f"{count} networks"
        bounds.append((text, ", ".join(key.allowed_cidrs)))
    if key.rate_limit is not None:
        limit = key.rate_limit
        bounds.append((f"{limit.limit:,} in {limit.window_s:,} s", "requests of this key alone"))
    if key.team_id is not None:
        bounds.append(("Team", str(key.team_id)))
    return bounds


def scope_groups(granted: Collection[Scope]) -> dict[str, list[Scope]]:
    """The scopes that may be handed on, by what they are about."""
    groups: dict[str, list[Scope]] = {}
    for scope in Scope:
        if scope in granted:
            groups.setdefault(scope.partition(":")[0].capitalize(), []).append(scope)
    return groups


def _folded(scopes: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What is shown at once, and the rest: a named set is told by its name."""
    held = set(scopes)
    named = next((name for name, those in SCOPE_SETS.items() if held == set(those)), None)
    if named is not None and len(held) > SHOWN_SCOPES:
        return [named], sorted(held)
    ordered = [str(scope) for scope in Scope if scope in held]
    if len(ordered) <= SHOWN_SCOPES + 1:
        return ordered, []
    return ordered[:SHOWN_SCOPES], ordered[SHOWN_SCOPES:]


def _expires(at: datetime, now: datetime) -> str:
    days = (at - now).days
    if days < 1:
        return "Expires within a day"
    return "Expires in 1 day" if days == 1 else f"Expires in {days} days"
