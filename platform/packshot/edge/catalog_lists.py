"""The catalog in pages, the same for the API and for people: which listings, and what follows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from pydantic import Field

from domain.ids import ItemId, OrgId
from packshot.edge.fields import Label
from packshot.edge.paging import MOST_COUNTED, PageAnswer, PageForm, Total, bad_cursor, page_of
from packshot.edge.path_ids import parsed_integration_id
from projections.catalog import CatalogFilter, Listing

if TYPE_CHECKING:
    from packshot.wiring import Services


class CatalogForm(PageForm):
    """Which listings."""

    integration_id: Annotated[str | None, Label(40)] = Field(
        None, description="Only those of this connection."
    )
    q: Annotated[str | None, Label()] = Field(
        None, description="Words; only those whose title or SKU holds each of them."
    )

    @property
    def after_listing(self) -> tuple[str, UUID] | None:
        """SKU and id of the last listing of the page before; raises InvalidInput."""
        if self.after is None:
            return None
        item_id, _, sku = self.after.partition(" ")
        try:
            return sku, ItemId.parse(item_id).uuid
        except ValueError:
            raise bad_cursor() from None


async def catalog_page(
    services: "Services", org_id: OrgId, form: CatalogForm
) -> tuple[Sequence[Listing], PageAnswer]:
    """The listings of a page by SKU; raises NotFound for a connection that is none, InvalidInput.

    A list that is searched is counted up to a bound.
    """
    integration_id = None
    if form.integration_id is not None:
        integration_id = parsed_integration_id(form.integration_id)
        await services.connections.find(org_id, integration_id)
    is_searched = form.q is not None
    listed = await services.catalog.list(
        org_id,
        CatalogFilter(integration_id, form.q),
        after=form.after_listing,
        limit=form.limit + 1,
        count_at_most=MOST_COUNTED + 1 if is_searched else None,
    )
    total = Total.counted(listed.total) if is_searched else Total(listed.total)
    return page_of(
        listed.listings, form, total=total, place=lambda item: f"{item.item_id} {item.sku}"
    )
