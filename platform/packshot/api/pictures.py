"""The operations: a picture in, another out, now or as a job."""

from domain.scopes import Scope
from packshot.edge.contract import Call, Reply
from packshot.edge.operations import BackgroundForm, ProcessForm, RelightForm, UpscaleForm
from packshot.edge.pictures import made_picture, picture_endpoint

# What cuts the subject out of its backdrop may find none.
CUTS_OUT = ("subject_not_found",)


@picture_endpoint("/api/v1/process", scope=Scope.IMAGES_PROCESS, cost=1.0, form=ProcessForm)
async def process(call: Call[ProcessForm]) -> Reply:
    """Make a packshot of a product photo."""
    return await made_picture(call)


@picture_endpoint("/api/v1/upscale", scope=Scope.IMAGES_UPSCALE, cost=4.0, form=UpscaleForm)
async def upscale(call: Call[UpscaleForm]) -> Reply:
    """Enlarge a picture."""
    return await made_picture(call)


@picture_endpoint(
    "/api/v1/backgrounds/generate",
    scope=Scope.IMAGES_BACKGROUND,
    cost=4.0,
    form=BackgroundForm,
    refuses=CUTS_OUT,
)
async def generate_background(call: Call[BackgroundForm]) -> Reply:
    """Make a backdrop and put the subject before it."""
    return await made_picture(call)


@picture_endpoint(
    "/api/v1/relight/shadow",
    scope=Scope.IMAGES_RELIGHT,
    cost=2.0,
    form=RelightForm,
    refuses=CUTS_OUT,
)
async def relight(call: Call[RelightForm]) -> Reply:
    """Give a subject another shadow and exposure."""
    return await made_picture(call)
