"""The catalog: the listings of the connected shops with their pictures."""

from typing import Annotated, Any

from domain.connection import Connection
from domain.ids import ItemId
from domain.listing import SLOTS
from domain.scopes import Scope
from packshot.admin.shell.answers import Html
from packshot.admin.shell.declaring import Visit, page
from packshot.admin.shell.lists import paging
from packshot.commands.catalog import no_such_item
from packshot.edge.contract import NoFields, Reply
from packshot.edge.fields import Label
from packshot.edge.files import FileAnswer
from packshot.edge.integration_shapes import parsed_integration_id
from packshot.edge.limits import READ_COST
from packshot.edge.paging import MOST_COUNTED, PageForm, Total, bad_cursor, page_of
from projections.catalog import CatalogFilter

PATH = "/catalog"
MOST_SHOPS = 100
# The bytes behind a shop's picture id never change (docs/bridge.md); another shop's might.
KEPT = "private, max-age=3600"


class CatalogQuery(PageForm):
    """Which listings to show."""

    integration_id: Annotated[str | None, Label(40)] = None
    q: Annotated[str | None, Label()] = None


@page("GET", PATH, scope=Scope.CATALOG_READ, form=CatalogQuery)
async def show_catalog(visit: Visit[CatalogQuery]) -> Html:
    """List the listings by SKU."""
    form, services, org_id = visit.form, visit.services, visit.visitor.org_id
    integration_id = None
    if form.integration_id is not None:
        integration_id = parsed_integration_id(form.integration_id)
        await services.connections.find(org_id, integration_id)
    listed = await services.catalog.list(
        org_id,
        CatalogFilter(integration_id, form.q),
        after=_place(form.after),
        limit=form.limit + 1,
        count_at_most=MOST_COUNTED + 1 if form.q else None,
    )
    total = Total.counted(listed.total) if form.q else Total(listed.total)
    shown, page_ = page_of(
        listed.listings, form, total=total, place=lambda item: f"{item.item_id} {item.sku}"
    )
    shops = (await services.connections.list(org_id, after=None, limit=MOST_SHOPS)).connections
    values = {
        "items": shown,
        "shops": shops,
        "shop_names": _names(shops),
        "q": form.q or "",
        "integration_id": form.integration_id or "",
        **paging(PATH, page_, q=form.q, integrationId=form.integration_id),
    }
    return Html("catalog.html", values)


@page("GET", PATH + "/{itemId}", scope=Scope.CATALOG_READ)
async def show_item(visit: Visit[NoFields]) -> Html:
    """Show a listing with the picture of each of its places."""
    org_id, services = visit.visitor.org_id, visit.services
    item = await services.catalog.find(org_id, _item_id(visit))
    connection = await services.connections.find(org_id, item.integration_id)
    shown = {image["slot"] for image in item.images}
    free = next((slot for slot in SLOTS if slot not in shown), None)
    return Html("catalog_item.html", {"item": item, "connection": connection, "free": free})


@page("GET", PATH + "/{itemId}/pictures/{remoteId}", scope=Scope.CATALOG_READ, cost=READ_COST)
async def read_picture(visit: Visit[NoFields]) -> Reply:
    """Answer a picture of a listing; the visitor's browser calls nobody but us."""
    org_id = visit.visitor.org_id
    picture = await visit.services.shop_pictures.of_item(
        org_id, _item_id(visit), visit.path["remoteId"]
    )
    file = FileAnswer(
        picture.path,
        f"picture.{picture.format}",
        f"image/{picture.format}",
        picture.sha256,
        picture.size_bytes,
    )
    headers = {"cache-control": KEPT, "cross-origin-resource-policy": "same-origin"}
    return Reply(file, headers=headers)


def _item_id(visit: Visit[NoFields]) -> ItemId:
    try:
        return ItemId.parse(visit.path["itemId"])
    except ValueError:
        raise no_such_item() from None


def _names(shops: list[Connection]) -> dict[Any, str]:
    return {shop.integration_id: shop.name for shop in shops}


def _place(text: str | None) -> Any:
    if text is None:
        return None
    item_id, _, sku = text.partition(" ")
    try:
        return sku, ItemId.parse(item_id).uuid
    except ValueError:
        raise bad_cursor() from None
