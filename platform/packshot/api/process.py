"""POST /api/v1/process: the main job, a product photo in and a packshot out."""

from domain.scopes import Scope
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.job_shapes import JobAnswer
from packshot.edge.operations import ProcessForm
from packshot.edge.pictures import (
    PICTURE_HEADERS,
    PICTURE_REFUSALS,
    PICTURE_TYPES,
    PictureAnswer,
    made_picture,
)


@endpoint(
    "POST",
    "/api/v1/process",
    scope=Scope.IMAGES_PROCESS,
    cost=1.0,
    form=ProcessForm,
    file_field="image",
    answer=PictureAnswer,
    media_types=PICTURE_TYPES,
    refuses=PICTURE_REFUSALS,
    accepted=JobAnswer,
    answer_headers=PICTURE_HEADERS,
)
async def process(call: Call[ProcessForm]) -> Reply:
    """Make a packshot of a product photo."""
    return await made_picture(call)
