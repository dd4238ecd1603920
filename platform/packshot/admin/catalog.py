"""The catalog: the listings of the connected shops with their pictures."""

from typing import Any

from domain.connection import Connection
from domain.listing import SLOTS
from domain.scopes import Scope
from packshot.admin.shell.answers import Html
from packshot.admin.shell.declaring import Visit, page
from packshot.admin.shell.lists import paging
from packshot.admin.shell.shop_pictures import picture_reply
from packshot.edge.catalog_lists import CatalogForm, catalog_page
from packshot.edge.contract import NoFields, Reply
from packshot.edge.limits import READ_COST
from packshot.edge.path_ids import listing_id_of

PATH = "/catalog"
MOST_SHOPS = 100


@page("GET", PATH, scope=Scope.CATALOG_READ, form=CatalogForm)
async def show_catalog(visit: Visit[CatalogForm]) -> Html:
    """List the listings by SKU."""
    form, services, org_id = visit.form, visit.services, visit.visitor.org_id
    shown, page_ = await catalog_page(services, org_id, form)
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
    item = await services.catalog.find(org_id, listing_id_of(visit.path))
    connection = await services.connections.find(org_id, item.integration_id)
    shown = {image["slot"] for image in item.images}
    free = next((slot for slot in SLOTS if slot not in shown), None)
    values = {
        "item": item,
        "connection": connection,
        "free": free,
        "at_the_shop": services.connections.shops.address(connection, item.url),
    }
    return Html("catalog_item.html", values)


@page("GET", PATH + "/{itemId}/pictures/{remoteId}", scope=Scope.CATALOG_READ, cost=READ_COST)
async def read_picture(visit: Visit[NoFields]) -> Reply:
    """Answer a picture of a listing; the visitor's browser calls nobody but us."""
    org_id = visit.visitor.org_id
    item_id, remote_id = listing_id_of(visit.path), visit.path["remoteId"]
    return picture_reply(await visit.services.shop_pictures.of_item(org_id, item_id, remote_id))


def _names(shops: list[Connection]) -> dict[Any, str]:
    return {shop.integration_id: shop.name for shop in shops}
