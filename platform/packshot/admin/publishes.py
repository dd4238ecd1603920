"""Publish activity: what was brought to the shops, how it stands, checked and taken back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from domain.connection import Connection
from domain.errors import NotFound, Refusal
from domain.ids import IntegrationId, PublishId
from domain.publish import UNDER_WAY, Publish
from domain.scopes import Scope
from packshot.admin.shell.answers import Html, Redirect, Streamed
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.frames import frames_of, sides_of
from packshot.admin.shell.lists import address, paging
from packshot.admin.shell.shop_pictures import picture_reply
from packshot.commands.publishes import Published
from packshot.edge.contract import NoFields, Reply
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form
from packshot.edge.limits import READ_COST
from packshot.edge.paging import MOST_COUNTED, PageForm, Total, page_of
from packshot.edge.path_ids import parsed_integration_id, publish_id_of
from packshot.edge.problems import kind_of
from packshot.edge.spreadsheets import CSV, MARK, csv_line
from projections.publishes import PublishFilter

PATH = "/publishes"
ONE = PATH + "/{publishId}"
CALL_COST = 1.0  # it calls somebody else's server, and waits for it
MOST_SHOPS = 100
CSV_ROWS = 200
SAID = {
    "queued": ("Queued", "run"),
    "planned": ("Planned", "run"),
    "uploading": ("Uploading", "run"),
    "processing": ("At the shop", "run"),
    "live": ("Live", "ok"),
    "failed": ("Failed", "bad"),
    "unknown": ("Outcome unknown", "warn"),
    "drifted": ("Drifted", "warn"),
    "rolled_back": ("Taken back", ""),
}
COLUMNS = (
    "publishId", "requestedAt", "sku", "title", "slot", "integration", "status", "requestedBy",
    "outputId", "undoOf", "error",
)  # fmt: skip


class FilterQuery(Form):
    """Which publishes are meant."""

    status: Annotated[str, Word(tuple(SAID))] | None = None
    integration_id: Annotated[str | None, Label(40)] = None


class PublishesQuery(FilterQuery, PageForm):
    """Which publishes to show."""


class PublishQuery(Form):
    """What was done a moment ago."""

    said: Annotated[str, Word(("matches", "differs"))] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A publish as a row shows it."""

    publish: Publish
    shop: str
    actor: str

    @property
    def sku(self) -> str:
        """The listing's SKU, or the shop's own id of it."""
        return self.publish.wish.target.listing

    @property
    def title(self) -> str:
        """The listing's title, once it was read."""
        planned = self.publish.planned
        return "" if planned is None else planned.item["title"]

    @property
    def place(self) -> str:
        """The place in the listing."""
        wish = self.publish.wish
        return wish.target.slot or (wish.mode if wish.mode != "replace" else "main")


@page("GET", PATH, scope=Scope.PUBLISH_READ, form=PublishesQuery)
async def show_publishes(visit: Visit[PublishesQuery]) -> Html:
    """List the publishes, newest first."""
    form, org_id = visit.form, visit.visitor.org_id
    wanted = _wanted(form)
    found = await visit.services.publishes.list(
        org_id,
        wanted,
        before=form.after_id(PublishId),
        limit=form.limit + 1,
        count_at_most=None if wanted.is_everything else MOST_COUNTED + 1,
    )
    total = Total(found.total) if wanted.is_everything else Total.counted(found.total)
    shown, page_ = page_of(found.publishes, form, total=total, place=lambda p: str(p.publish_id))
    query = {"status": form.status, "integrationId": form.integration_id}
    shops = await _shops(visit)
    values = {
        "rows": await _rows(visit, shown, found.actors),
        "shops": shops,
        "statuses": SAID,
        "status": form.status or "",
        "integration_id": form.integration_id or "",
        "is_filtered": not wanted.is_everything,
        "csv": address(PATH + ".csv", **query),
        **paging(PATH, page_, **query),
    }
    return Html("publishes.html", values)


@page("GET", PATH + ".csv", scope=Scope.PUBLISH_READ, form=FilterQuery)
async def download_publishes(visit: Visit[FilterQuery]) -> Streamed:
    """Answer every publish of the filter as CSV, as it is read."""
    return Streamed(_csv(visit, _wanted(visit.form)), CSV, "publishes.csv")


@page("GET", ONE, scope=Scope.PUBLISH_READ, form=PublishQuery)
async def show_publish(visit: Visit[PublishQuery]) -> Html:
    """Show a publish: what it changed, and everything that happened to it."""
    return await _page(visit, said=visit.form.said)


@page("POST", ONE + "/verify", scope=Scope.PUBLISH_WRITE, cost=CALL_COST)
async def verify_publish(visit: Visit[NoFields]) -> PageAnswer:
    """Look whether the listing still shows what was published."""
    publish_id = publish_id_of(visit.path)
    try:
        seen = await visit.services.publishes.verify(visit.context, publish_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _page(visit, problem=refusal)
    said = "matches" if seen.is_as_wanted else "differs"
    return Redirect(f"{PATH}/{publish_id}?said={said}")


@page("POST", ONE + "/retry", scope=Scope.PUBLISH_WRITE, cost=CALL_COST)
async def retry_publish(visit: Visit[NoFields]) -> PageAnswer:
    """Have a publish carried out once more."""
    return await _asked(visit, visit.services.publishes.retry, _page)


@page("GET", ONE + "/undo", scope=Scope.PUBLISH_WRITE, cost=CALL_COST)
async def review_undo(visit: Visit[NoFields]) -> Html:
    """Show what taking it back would do to the listing as it is now."""
    return await _undo_page(visit)


@page("POST", ONE + "/undo", scope=Scope.PUBLISH_WRITE, cost=CALL_COST)
async def undo_publish(visit: Visit[NoFields]) -> PageAnswer:
    """Take it back: a publish of exactly the pictures that were there before."""
    return await _asked(visit, visit.services.publishes.rollback, _undo_page)


@page("GET", ONE + "/pictures/{remoteId}", scope=Scope.PUBLISH_READ, cost=READ_COST)
async def read_picture(visit: Visit[NoFields]) -> Reply:
    """Answer a picture that the listing showed."""
    services, org_id = visit.services, visit.visitor.org_id
    publish = (await services.publishes.find(org_id, publish_id_of(visit.path))).publish
    picture = await services.shop_pictures.of_publish(org_id, publish, visit.path["remoteId"])
    return picture_reply(picture)


async def _asked(
    visit: Visit[NoFields],
    ask: Callable[..., Awaitable[Published]],
    otherwise: Callable[..., Awaitable[Html]],
) -> PageAnswer:
    try:
        asked = await ask(visit.context, publish_id_of(visit.path))
    except NotFound:
        raise
    except Refusal as refusal:
        return await otherwise(visit, problem=refusal)
    return Redirect(f"{PATH}/{asked.publish.publish_id}")


async def _page(
    visit: Visit[Any], *, said: str | None = None, problem: Refusal | None = None
) -> Html:
    services, org_id = visit.services, visit.visitor.org_id
    found = await services.publishes.find(org_id, publish_id_of(visit.path))
    publish = found.publish
    (row,) = await _rows(visit, [publish], {publish.id: found.actor})
    source, planned, wish = _source(publish), publish.planned, publish.wish
    values = {
        "row": row,
        "publish": publish,
        "statuses": SAID,
        "is_going_on": publish.status in UNDER_WAY,
        "may_be_undone": publish.status == "live"
        or (publish.status == "drifted" and bool(publish.after)),
        "frames": [] if planned is None else frames_of(planned, wish, source),
        "found": None if publish.found is None else sides_of(publish.found, wish, source),
        "steps": await services.histories.steps(org_id, publish.publish_id),
        "again": _again(visit, publish),
        "at_the_shop": await _at_the_shop(visit, publish),
        "said": said,
        "problem": problem,
    }
    template = "publish_told.html" if visit.is_fragment and problem is None else "publish_one.html"
    return Html(template, values, status=200 if problem is None else kind_of(problem.code).status)


async def _undo_page(visit: Visit[Any], *, problem: Refusal | None = None) -> Html:
    services, org_id = visit.services, visit.visitor.org_id
    found = await services.publishes.find(org_id, publish_id_of(visit.path))
    (row,) = await _rows(visit, [found.publish], {found.publish.id: found.actor})
    frames, refused = [], None
    try:
        dry = await services.publishes.plan_undo(org_id, found.publish.publish_id)
        frames = frames_of(dry.plan, found.publish.wish, _source(found.publish))
    except Refusal as refusal:
        refused = refusal
    told = problem or refused
    values = {"row": row, "frames": frames, "problem": told, "is_possible": refused is None}
    return Html("publish_undo.html", values, status=200 if told is None else _status(told))


def _source(publish: Publish) -> Any:
    def source(image: dict[str, Any]) -> str | None:
        remote_id = image.get("remote_id")
        if remote_id is None:
            return None
        return f"{PATH}/{publish.publish_id}/pictures/{quote(remote_id, safe='')}"

    return source


def _again(visit: Visit[Any], publish: Publish) -> str | None:
    """Where the same picture is planned for the same product as it is now."""
    planned, wish = publish.planned, publish.wish
    if wish.output_id is None:
        return None
    remote_id = wish.target.listing if planned is None else planned.item["remote_id"]
    item_id = visit.services.shop_pictures.item_id(wish.integration_id, remote_id)
    place = wish.target.slot or (None if wish.mode == "replace" else wish.mode)
    query = {"output": str(wish.output_id), "item": str(item_id), "place": place}
    return address("/publish/review", **query)


async def _at_the_shop(visit: Visit[Any], publish: Publish) -> str | None:
    """Where people see the listing at the shop, once the publish is there."""
    planned = publish.planned
    if planned is None or publish.status not in {"live", "drifted"}:
        return None
    shops = await visit.services.publishes.addresses(visit.visitor.org_id, [publish.wish])
    return shops.of(publish.wish, planned.item.get("url"))


async def _rows(visit: Visit[Any], publishes: Any, actors: Any) -> list[Row]:
    services, org_id = visit.services, visit.visitor.org_id
    names = await services.names.of(org_id, actors.values())
    shops = await services.publishes.addresses(org_id, [one.wish for one in publishes])
    rows = []
    for one in publishes:
        shop = shops.connections.get(one.wish.integration_id)
        rows.append(Row(one, "" if shop is None else shop.name, names[actors[one.id]]))
    return rows


async def _csv(visit: Visit[Any], wanted: PublishFilter) -> AsyncIterator[bytes]:
    yield MARK + csv_line(COLUMNS)
    before = None
    while True:
        found = await visit.services.publishes.list(
            visit.visitor.org_id, wanted, before=before, limit=CSV_ROWS, count_at_most=1
        )
        for row in await _rows(visit, found.publishes, found.actors):
            yield csv_line(_cells(row))
        if len(found.publishes) < CSV_ROWS:
            return
        before = found.publishes[-1].id


def _cells(row: Row) -> list[str]:
    publish, wish = row.publish, row.publish.wish
    return [
        str(publish.publish_id),
        publish.created_on.isoformat(timespec="seconds"),
        row.sku,
        row.title,
        row.place,
        row.shop,
        publish.status,
        row.actor,
        str(wish.output_id or ""),
        str(wish.undo_of or ""),
        "" if publish.error is None else publish.error["detail"],
    ]


async def _shops(visit: Visit[Any]) -> list[Connection]:
    connections = visit.services.connections
    listed = await connections.list(visit.visitor.org_id, after=None, limit=MOST_SHOPS)
    return list(listed.connections)


def _wanted(form: FilterQuery) -> PublishFilter:
    integration_id: IntegrationId | None = None
    if form.integration_id is not None:
        integration_id = parsed_integration_id(form.integration_id)
    return PublishFilter(form.status, None if integration_id is None else integration_id.uuid)


def _status(refusal: Refusal) -> int:
    return kind_of(refusal.code).status
