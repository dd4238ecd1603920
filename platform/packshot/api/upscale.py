"""POST /api/v1/upscale: a picture in, a larger one out."""

from domain.scopes import Scope
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.job_shapes import JobAnswer
from packshot.edge.operations import UpscaleForm
from packshot.edge.pictures import (
    PICTURE_HEADERS,
    PICTURE_REFUSALS,
    PICTURE_TYPES,
    PictureAnswer,
    made_picture,
)


@endpoint(
    "POST",
    "/api/v1/upscale",
    scope=Scope.IMAGES_UPSCALE,
    cost=4.0,
    form=UpscaleForm,
    file_field="image",
    answer=PictureAnswer,
    media_types=PICTURE_TYPES,
    refuses=PICTURE_REFUSALS,
    accepted=JobAnswer,
    answer_headers=PICTURE_HEADERS,
)
async def upscale(call: Call[UpscaleForm]) -> Reply:
    """Enlarge a picture."""
    return await made_picture(call)
