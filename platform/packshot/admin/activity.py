"""Activity: who did what, a sentence for each event, and the facts behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Annotated
from uuid import UUID

import orjson

from domain.errors import NotFound
from domain.scopes import Scope
from packshot.admin.shell.answers import Html
from packshot.admin.shell.declaring import Visit, page
from packshot.admin.shell.lists import address
from packshot.commands.trail import Told, called, shown_data
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label
from packshot.edge.looking_back import PagePoint, point_text
from packshot.edge.paging import MOST_COUNTED, PageForm, Total, page_of, position_of
from packshot.edge.visibility import asked_point
from projections.activity import Activity, Wanted, stream_of
from projections.sentences import SENTENCES

PATH = "/activity"
NO_STREAM = UUID(int=0)
ICONS: Mapping[str, str] = {
    "key": "key-round",
    "job": "list-checks",
    "publish": "send",
    "integration": "plug",
    "catalog": "images",
    "organization": "store",
    "user": "users",
    "membership": "users",
    "invite": "user-plus",
}
COLORS: Mapping[str, str] = {
    "succeeded": "ok", "accepted": "ok", "recovered": "ok", "synced": "ok", "begun": "ok",
    "failed": "bad", "failing": "bad", "revoked": "bad", "sync-failed": "bad",
    "partial": "warn", "postponed": "warn", "interrupted": "warn", "drifted": "warn",
    "doubted": "warn", "cancelled": "warn", "rolled_back": "warn",
}  # fmt: skip


class ActivityQuery(PageForm):
    """Which entries to list."""

    type: Annotated[str | None, Label(100)] = None
    actor: Annotated[str | None, Label(200)] = None
    subject: Annotated[str | None, Label(200)] = None
    as_of: Annotated[int | datetime | None, PagePoint()] = None


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the page tells it."""

    entry: Activity
    icon: str
    color: str
    words: str
    actor: str
    subject: str


@page("GET", PATH, scope=Scope.AUDIT_READ, form=ActivityQuery)
async def show_activity(visit: Visit[ActivityQuery]) -> Html:
    """Show what happened in the organization, newest first."""
    form, org_id, trail = visit.form, visit.visitor.org_id, visit.services.trail
    subject = None if form.subject is None else stream_of(form.subject) or NO_STREAM
    then = await asked_point(visit.services.pools, org_id, form)
    at = None if then is None else then.position
    wanted = Wanted(form.type, form.actor, before=form.after_position(), stream_id=subject, at=at)
    told = await trail.list(org_id, wanted, limit=form.limit + 1, count_at_most=MOST_COUNTED + 1)
    total = Total(told.total) if wanted.is_everything else Total.counted(told.total)
    shown, paging = page_of(
        told.entries, form, total=total, place=lambda entry: str(entry.position), at=at
    )
    head = await trail.head(org_id)
    as_of = point_text(form.as_of)
    query = {"type": form.type, "actor": form.actor, "subject": form.subject, "asOf": as_of}
    following = paging.next_cursor
    values = {
        "days": _days([_line(entry, told) for entry in shown]),
        "paging": paging,
        "next": following and address(PATH, **query, cursor=following),
        "first": None if form.cursor is None else address(PATH, **query),
        "query": query,
        "without_subject": address(PATH, type=form.type, actor=form.actor, asOf=as_of),
        "today": address(PATH, type=form.type, actor=form.actor, subject=form.subject),
        "then": then,
        "is_position": isinstance(form.as_of, int),
        "subject_called": form.subject and told.subjects.get(form.subject, form.subject),
        "types": sorted(SENTENCES),
        "actors": await trail.actors(org_id),
        "head": head,
        "untold": head.position - told.total if wanted.is_everything and then is None else 0,
    }
    return Html("activity.html", values)


@page("GET", PATH + "/{position}", scope=Scope.AUDIT_READ)
async def show_event(visit: Visit[NoFields]) -> Html:
    """Show an event's facts as the log holds them."""
    position = position_of(visit.path["position"])
    if position is None:
        raise NotFound("not_found", "There is no such event.", fix="Look at the list.")
    org_id, trail = visit.visitor.org_id, visit.services.trail
    event = await trail.find(org_id, position)
    actor = event.meta["actor"]
    names = await visit.services.names.known(org_id, [actor["id"]])
    data = orjson.dumps(dict(shown_data(event)), option=orjson.OPT_INDENT_2).decode()
    values = {
        "event": event,
        "data": data,
        "actor": actor,
        "actor_called": called(actor["type"], actor["id"], names),
    }
    return Html("activity_facts.html" if visit.is_fragment else "activity_event.html", values)


def _line(entry: Activity, told: Told) -> Line:
    noun, _, participle = entry.type.partition(".")
    return Line(
        entry,
        ICONS.get(noun, "history"),
        COLORS.get(participle, ""),
        f"{noun} {participle}".replace("-", " ").replace("_", " ").capitalize(),
        called(entry.actor_type, entry.actor_id, told.names),
        told.subjects.get(entry.subject_id, ""),
    )


def _days(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    days = groupby(lines, key=lambda line: line.entry.at.date())
    return [(f"{day:%A} {day.day} {day:%B %Y}", list(inside)) for day, inside in days]
