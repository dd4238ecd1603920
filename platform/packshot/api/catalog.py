"""/api/v1/catalog: the listings of every connected shop, as their last sync told them."""

from domain.scopes import Scope
from packshot.edge.catalog_lists import CatalogForm, catalog_page
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.paging import PageAnswer
from packshot.edge.path_ids import listing_id_of
from packshot.edge.shapes import Answer, Time
from projections.catalog import CatalogView, Listing

ITEMS = "/api/v1/catalog/items"


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
    shown, page = await catalog_page(call.services, call.key.org_id, call.form)
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
    listing_id = listing_id_of(call.path)
    return Reply(_answer(await call.services.catalog.find(call.key.org_id, listing_id)))


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
