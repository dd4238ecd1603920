"""/api/v1/catalog: the listings of every connected shop, as their last sync told them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from domain.ids import ItemId
from domain.scopes import Scope
from packshot.commands.catalog import no_such_item
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.fields import Label
from packshot.edge.integration_shapes import parsed_integration_id
from packshot.edge.paging import MOST_COUNTED, PageAnswer, PageForm, Total, bad_cursor, page_of
from packshot.edge.shapes import Answer, Time
from projections.catalog import CatalogFilter, CatalogView, Listing

ITEMS = "/api/v1/catalog/items"


class CatalogForm(PageForm):
    """Which listings."""

    integration_id: Annotated[str | None, Label(40)] = Field(
        None, description="Only those of this connection."
    )
    q: Annotated[str | None, Label()] = Field(
        None, description="Only those whose title or SKU holds this."
    )


class ListingImage(Answer):
    """A picture of a listing, as the shop has it."""

    remote_id: str
    slot: str
    url: str | None
    width: int | None
    height: int | None
    alt: str


class ProposedAnswer(Answer):
    """A picture that would replace the main one."""

    output_id: str


class CatalogItemAnswer(Answer):
    """A listing of a connected shop; ``proposed`` is null where nothing was proposed."""

    item_id: str
    integration_id: str
    sku: str
    title: str
    url: str | None
    images: list[ListingImage]
    proposed: ProposedAnswer | None
    updated_at: Time | None


class CatalogAnswer(Answer):
    """A page of the catalog, by SKU."""

    data: list[CatalogItemAnswer]
    page: PageAnswer


@endpoint(
    "GET",
    ITEMS,
    scope=Scope.CATALOG_READ,
    form=CatalogForm,
    answer=CatalogAnswer,
    refuses=("not_found",),
    follows=CatalogView.name,
)
async def list_catalog(call: Call[CatalogForm]) -> Reply:
    """Answer the listings of the organization's shops, by SKU."""
    form, org_id = call.form, call.key.org_id
    integration_id = None
    if form.integration_id is not None:
        integration_id = parsed_integration_id(form.integration_id)
        await call.services.connections.find(org_id, integration_id)
    is_filtered = form.q is not None
    listed = await call.services.catalog.list(
        org_id,
        CatalogFilter(integration_id, form.q),
        after=None if form.after is None else _place(form.after),
        limit=form.limit + 1,
        count_at_most=MOST_COUNTED + 1 if is_filtered else None,
    )
    total = Total.counted(listed.total) if is_filtered else Total(listed.total)
    shown, page = page_of(
        listed.listings, form, total=total, place=lambda item: f"{item.item_id} {item.sku}"
    )
    return Reply(CatalogAnswer(data=[_answer(listing) for listing in shown], page=page))


@endpoint(
    "GET",
    ITEMS + "/{itemId}",
    scope=Scope.CATALOG_READ,
    answer=CatalogItemAnswer,
    refuses=("not_found",),
    follows=CatalogView.name,
)
async def find_catalog_item(call: Call[NoFields]) -> Reply:
    """Answer a listing of one of the organization's shops."""
    try:
        item_id = ItemId.parse(call.path["itemId"])
    except ValueError:
        raise no_such_item() from None
    return Reply(_answer(await call.services.catalog.find(call.key.org_id, item_id)))


def _place(text: str) -> tuple[str, UUID]:
    item_id, _, sku = text.partition(" ")
    try:
        return sku, ItemId.parse(item_id).uuid
    except ValueError:
        raise bad_cursor() from None


def _answer(listing: Listing) -> CatalogItemAnswer:
    return CatalogItemAnswer(
        item_id=str(listing.item_id),
        integration_id=str(listing.integration_id),
        sku=listing.sku,
        title=listing.title,
        url=listing.url,
        images=[
            ListingImage(
                remote_id=image["remoteId"],
                slot=image["slot"],
                url=image["url"],
                width=image["width"],
                height=image["height"],
                alt=image["alt"],
            )
            for image in listing.images
        ],
        proposed=None,
        updated_at=listing.updated_at,
    )
