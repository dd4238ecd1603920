"""Direct publish: a picture, a product and a place; then what would change, and the publish."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from domain.catalog_sync import item_id_of
from domain.errors import InvalidInput, NotFound, Refusal
from domain.ids import OutputId
from domain.listing import MAIN, SLOTS, Target, Wish
from domain.output import Output
from domain.scopes import Scope
from imaging.compliance import Report
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.frames import frames_of
from packshot.admin.shell.lists import address
from packshot.commands.publish_plans import DryRun
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form
from packshot.edge.path_ids import parsed_listing_id
from packshot.edge.problems import kind_of
from packshot.edge.sources import output_id_of
from projections.catalog import CatalogFilter, Listing

PATH = "/publish"
RECENT = 18
FOUND = 12
CALL_COST = 1.0  # it calls somebody else's server, and waits for it
PLACES = (*SLOTS, "append", "prepend")
DIGEST_MAX_CHARACTERS = 128

Text = Annotated[str | None, Label()]


class ChoiceQuery(Form):
    """What was chosen so far."""

    output: Text = None
    item: Text = None
    place: Annotated[str, Word(PLACES)] = MAIN
    q: Text = None


class ReviewForm(Form):
    """What is to be looked at before it is published."""

    output: Text = None
    item: Text = None
    place: Annotated[str, Word(PLACES)] = MAIN


class PublishForm(ReviewForm):
    """What is to be published; ``base_digest`` names the listing that was looked at."""

    base_digest: Annotated[str | None, Label(DIGEST_MAX_CHARACTERS)] = None
    anyway: Annotated[str | None, Word(("yes",))] = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A picture, and the listing that it goes to."""

    output: Output
    item: Listing
    wish: Wish


@page("GET", PATH, scope=Scope.PUBLISH_READ, form=ChoiceQuery)
async def choose(visit: Visit[ChoiceQuery]) -> Html:
    """Let people choose the picture, the product and the place."""
    form, services, org_id = visit.form, visit.services, visit.visitor.org_id
    output = None if form.output is None else await _output(visit, form.output)
    item = None if form.item is None else await _item(visit, form.item)
    found = await services.catalog.list(
        org_id, CatalogFilter(None, form.q), after=None, limit=FOUND, count_at_most=FOUND + 1
    )
    shops = (await services.connections.list(org_id, after=None, limit=100)).connections
    values = {
        "output": output,
        "item": item,
        "place": form.place,
        "places": PLACES,
        "q": form.q or "",
        "outputs": await services.images.newest(org_id, limit=RECENT),
        "items": found.listings,
        "has_more": found.total > FOUND,
        "shop_names": {shop.integration_id: shop.name for shop in shops},
        "to": lambda **chosen: address(PATH, **({**_told(form), **chosen})),
    }
    return Html("publish.html", values)


@page("GET", PATH + "/review", scope=Scope.PUBLISH_WRITE, form=ReviewForm, cost=CALL_COST)
async def review(visit: Visit[ReviewForm]) -> Html:
    """Show what the publish would do to the listing as it is now; nothing is changed."""
    return await _review(visit, await _chosen(visit))


@page("POST", PATH, scope=Scope.PUBLISH_WRITE, form=PublishForm, cost=CALL_COST)
async def publish(visit: Visit[PublishForm]) -> PageAnswer:
    """Ask for the publish, and go on to where one sees what comes of it."""
    chosen = await _chosen(visit)
    try:
        asked = await visit.services.publishes.request(visit.context, chosen.wish)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _review(visit, chosen, problem=refusal)
    return Redirect(f"/publishes/{asked.publish.publish_id}")


async def _review(visit: Visit[Any], chosen: Chosen, *, problem: Refusal | None = None) -> Html:
    org_id, services = visit.visitor.org_id, visit.services
    connection = await services.connections.find(org_id, chosen.item.integration_id)
    dry: DryRun | None = None
    report: Report | None = None
    refused: Refusal | None = None
    try:
        wish = chosen.wish
        unseen = Wish(wish.integration_id, wish.target, wish.mode, output_id=wish.output_id)
        dry, report = await services.publishes.plan(org_id, unseen)
    except Refusal as refusal:
        refused = refusal
    values = {
        "output": chosen.output,
        "item": chosen.item,
        "connection": connection,
        "place": visit.form.place,
        "dry": dry,
        "frames": [] if dry is None else frames_of(dry.plan, dry.wish, _source(dry)),
        "report": report,
        "problem": refused or problem,
        "back": address(PATH, **_told(visit.form)),
        "again": address(PATH + "/review", **_told(visit.form)),
    }
    told = refused or problem
    return Html("publish_review.html", values, status=200 if told is None else _status(told))


def _source(dry: DryRun) -> Any:
    """Where the pictures of the listing are, whichever of them it shows by now."""
    item_id = item_id_of(dry.wish.integration_id, dry.plan.item["remote_id"])

    def source(image: dict[str, Any]) -> str | None:
        remote_id = image.get("remote_id")
        if remote_id is None:
            return None
        return f"/catalog/{item_id}/pictures/{quote(remote_id, safe='')}"

    return source


async def _chosen(visit: Visit[Any]) -> Chosen:
    form = visit.form
    for name, value in (("picture", form.output), ("product", form.item)):
        if value is None:
            raise InvalidInput(
                "missing_parameter",
                f"There is no {name} chosen yet.",
                fix=f"Go back and choose a {name}.",
            )
    output, item = await _output(visit, form.output), await _item(visit, form.item)
    is_place = form.place in SLOTS
    wish = Wish(
        item.integration_id,
        Target(sku=item.sku, slot=form.place if is_place else None),
        "replace" if is_place else form.place,
        require_compliance="warn" if getattr(form, "anyway", None) else "block",
        output_id=output.output_id,
        base_digest=getattr(form, "base_digest", None),
    )
    return Chosen(output, item, wish)


async def _output(visit: Visit[Any], text: str) -> Output:
    output_id: OutputId = output_id_of(text)
    return await visit.services.images.find_output(visit.visitor.org_id, output_id)


async def _item(visit: Visit[Any], text: str) -> Listing:
    return await visit.services.catalog.find(visit.visitor.org_id, parsed_listing_id(text))


def _told(form: Any) -> dict[str, str | None]:
    query = {"output": form.output, "item": form.item, "q": getattr(form, "q", None)}
    return {**query, "place": None if form.place == MAIN else form.place}


def _status(refusal: Refusal) -> int:
    return kind_of(refusal.code).status
