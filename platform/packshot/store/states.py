"""Turns what an aggregate has become into JSON and back, for snapshots.

A value of a class stands as ``{"$": NAME, "is": …}``; the names are those of the table below, so
nothing that is read decides which code runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain import ids
from domain.key_limit import RateLimit
from domain.listing import ListingPlan, Target, Wish
from domain.org_limits import OrgLimits
from domain.recorded import Actor
from domain.roles import Role
from domain.team import TeamRole

MARK = "$"
PLAIN = frozenset({type(None), str, int, float, bool})
ID_CLASSES = ids.Id.__subclasses__()
RECORDS = (Actor, ListingPlan, OrgLimits, RateLimit, Target, Wish)


def to_json(state: Mapping[str, Any]) -> str:
    """The state as JSON with sorted keys; raises TypeError for a class that has no name here."""
    return orjson.dumps(_told(dict(state)), option=orjson.OPT_SORT_KEYS).decode()


def from_json(text: str) -> dict[str, Any]:
    """The state of such a text; raises ValueError or KeyError for any other."""
    state: dict[str, Any] = _meant(orjson.loads(text))
    return state


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    tell: Callable[[Any], Any]
    mean: Callable[[Any], Any]


def _record(kind: type) -> _Known:
    names = [one.name for one in fields(kind)]
    return _Known(
        kind.__name__,
        lambda value: {name: _told(getattr(value, name)) for name in names},
        lambda told: kind(**_meant(told)),
    )


def _id(kind: type[ids.Id]) -> _Known:
    return _Known(kind.__name__, lambda value: str(value.uuid), lambda told: kind(UUID(told)))


BY_CLASS: dict[type, _Known] = {
    UUID: _Known("uuid", str, UUID),
    datetime: _Known("moment", datetime.isoformat, datetime.fromisoformat),
    Role: _Known("Role", str, Role),
    TeamRole: _Known("TeamRole", str, TeamRole),
    **{kind: _id(kind) for kind in ID_CLASSES},
    **{kind: _record(kind) for kind in RECORDS},
}
BY_NAME = {known.name: known for known in BY_CLASS.values()}


def _told(value: Any) -> Any:
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is list:
        return [_told(one) for one in value]
    if kind is dict:
        told = {name: _told(one) for name, one in value.items()}
        return {MARK: "dict", "is": told} if MARK in value else told
    # The driver's class of UUIDs is its own, below the usual one.
    known = BY_CLASS.get(UUID if isinstance(value, UUID) else kind)
    if known is None:
        raise TypeError(f"a snapshot cannot hold a {kind.__name__}: store/states.py has no name")
    return {MARK: known.name, "is": known.tell(value)}


def _meant(told: Any) -> Any:
    kind = type(told)
    if kind is list:
        return [_meant(one) for one in told]
    if kind is not dict:
        return told
    if MARK not in told:
        return {name: _meant(one) for name, one in told.items()}
    if told[MARK] == "dict":
        return {name: _meant(one) for name, one in told["is"].items()}
    return BY_NAME[told[MARK]].mean(told["is"])
