"""POST /api/v1/backgrounds/generate: a subject in, the same before a backdrop that is made out."""

from domain.scopes import Scope
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.job_shapes import JobAnswer
from packshot.edge.operations import BackgroundForm
from packshot.edge.pictures import (
    PICTURE_HEADERS,
    PICTURE_REFUSALS,
    PICTURE_TYPES,
    PictureAnswer,
    made_picture,
)


@endpoint(
    "POST",
    "/api/v1/backgrounds/generate",
    scope=Scope.IMAGES_BACKGROUND,
    cost=4.0,
    form=BackgroundForm,
    file_field="image",
    answer=PictureAnswer,
    media_types=PICTURE_TYPES,
    refuses=(*PICTURE_REFUSALS, "subject_not_found"),
    accepted=JobAnswer,
    answer_headers=PICTURE_HEADERS,
)
async def generate_background(call: Call[BackgroundForm]) -> Reply:
    """Make a backdrop and put the subject before it."""
    return await made_picture(call)
