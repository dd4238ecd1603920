"""The Studio: a photo dropped, adjusted while one looks at it, judged, and taken along."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from domain.errors import Forbidden, InvalidInput
from domain.ids import ItemId
from domain.job import HIGHEST_PRIORITY
from domain.listing import SLOTS
from domain.output import Output
from domain.scopes import Scope
from imaging.limits import TooLargeHere
from packshot.admin.shell.answers import Html
from packshot.admin.shell.assets import asset_url, assets
from packshot.admin.shell.declaring import Visit, page
from packshot.admin.studio_forms import OFFERED, StudioForm, shown_fields
from packshot.commands.catalog import no_such_item
from packshot.commands.images import Processed
from packshot.commands.jobs import Changed, Plan
from packshot.commands.making import Photo, Wish
from packshot.commands.shop_pictures import no_such_picture
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form
from packshot.edge.pictures import ended_picture
from packshot.edge.sources import ONE_SOURCE, output_id_of

MOST_RECENT = 12
SAMPLES = "samples/"
PRESETS = (
    {
        "name": "Plain white",
        "fields": {
            "width": "2000", "height": "2000", "margin": "0.08", "background": "white",
            "shadow.mode": "keep", "format": "jpeg", "quality": "92",
        },
    },
    {
        "name": "Amazon main image",
        "fields": {
            "width": "2000", "height": "2000", "margin": "0.07", "background": "white",
            "shadow.mode": "none", "format": "jpeg", "quality": "92",
        },
    },
)  # fmt: skip


class StudioQuery(Form):
    """Which earlier output to look at, or which picture of a listing to begin with.

    ``item`` and ``place`` also say where a publish of what is made here shall go.
    """

    output: Annotated[str | None, Label(100)] = None
    item: Annotated[str | None, Label(100)] = None
    picture: Annotated[str | None, Label(1000)] = None
    place: Annotated[str, Word(SLOTS)] | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The listing that a picture is made for; ``address`` is the photo of it to begin with."""

    item_id: ItemId
    place: str | None
    address: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample photo of ours."""

    name: str
    url: str


@page("GET", "/studio", scope=Scope.FILES_READ, form=StudioQuery)
async def show_studio(visit: Visit[StudioQuery]) -> Html:
    """Show the Studio: empty, or with an earlier output."""
    output, fields = await _opened(visit)
    begun = await _begun(visit)
    return Html(
        "studio.html",
        {
            "output": output,
            "begun": begun,
            "made": None,
            "fields": fields,
            "offered": OFFERED,
            "presets": PRESETS,
            "samples": _samples(),
            "recent": await _recent(visit),
            "max_bytes": visit.services.settings.upload_max_bytes,
        },
    )


@page(
    "POST",
    "/studio/render",
    scope=Scope.IMAGES_PROCESS,
    form=StudioForm,
    file_field="image",
    cost=1.0,
)
async def render(visit: Visit[StudioForm]) -> Html:
    """Make what the controls ask for of the photo, and answer the parts that show it."""
    await _admit(visit)
    photo = await _photo_of(visit)
    made = await _made(visit, photo, Wish(visit.form.recipe()))
    if isinstance(made, Changed):
        return Html("studio_waiting.html", {"job": made.job})
    values = {"output": made.output, "made": made, "recent": await _recent(visit)}
    return Html("studio_made.html", values)


async def _opened(visit: Visit[StudioQuery]) -> tuple[Output | None, dict[str, str]]:
    """The output that the address names, and the controls that ask for it."""
    if visit.form.output is None:
        return None, {}
    org_id, services = visit.visitor.org_id, visit.services
    output = await services.images.find_output(org_id, output_id_of(visit.form.output))
    job = await services.jobs.find(org_id, output.job_id)
    return output, shown_fields(output, job.operation)


async def _begun(visit: Visit[StudioQuery]) -> Begun | None:
    """The listing that the address names; raises NotFound for none, and for no such picture."""
    form = visit.form
    if form.item is None or not visit.visitor.access.may(Scope.CATALOG_READ):
        return None
    try:
        item_id = ItemId.parse(form.item)
    except ValueError:
        raise no_such_item() from None
    item = await visit.services.catalog.find(visit.visitor.org_id, item_id)
    if form.picture is None or form.output is not None:
        return Begun(item_id, form.place, None, item.sku)
    shown = next((one for one in item.images if one["remoteId"] == form.picture), None)
    if shown is None:
        raise no_such_picture()
    address = f"/catalog/{item_id}/pictures/{quote(form.picture, safe='')}"
    return Begun(item_id, shown["slot"], address, item.sku)


async def _admit(visit: Visit[StudioForm]) -> None:
    """Ask the operation's own scope and the rest of its weight: the page asked for one."""
    offered = OFFERED[visit.form.operation]
    if not visit.visitor.access.may(offered.scope):
        raise Forbidden(
            "scope_missing",
            f"Your role here is {visit.visitor.role}, which does not allow this.",
            fix="Ask an owner or admin of the organization.",
        )
    if offered.cost > 1:
        await visit.gate.charge_visitor(visit.exchange, visit.visitor, offered.cost - 1)


async def _photo_of(visit: Visit[StudioForm]) -> Photo:
    """The photo that was sent, or the one behind an earlier output of this organization."""
    again_of = visit.form.again_of
    if visit.file is not None and again_of is not None:
        raise InvalidInput(
            "ambiguous_input", "The form holds a photo and an earlier output.", fix=ONE_SOURCE
        )
    if visit.file is not None:
        return Photo(visit.file.path, visit.file.sha256, visit.file.size_bytes)
    if again_of is not None:
        org_id = visit.visitor.org_id
        return await visit.services.images.photo_behind(org_id, output_id_of(again_of))
    raise InvalidInput(
        "missing_parameter",
        "There is no photo yet.",
        param="image",
        fix="Drop a product photo on the page, or choose one.",
    )


async def _made(visit: Visit[StudioForm], photo: Photo, wish: Wish) -> Processed | Changed:
    """The output, or the job that still works on a large photo."""
    jobs, context = visit.services.jobs, visit.context
    try:
        return await visit.services.images.process(context, photo, wish)
    except TooLargeHere:
        asked = await jobs.request(context, photo, wish, plan=Plan(priority=HIGHEST_PRIORITY))
        return await ended_picture(jobs, context.org_id, asked)


async def _recent(visit: Visit[Any]) -> list[Output]:
    return await visit.services.images.newest(visit.visitor.org_id, limit=MOST_RECENT)


def _samples() -> list[Sample]:
    """The sample photos that this release has, by their files' names."""
    names = [name for name in assets() if name.startswith(SAMPLES) and name.endswith(".jpg")]
    return [
        Sample(name.removeprefix(SAMPLES).removesuffix(".jpg").replace("-", " "), asset_url(name))
        for name in names
    ]
