"""POST /api/v1/relight/shadow: a subject in, the same on white with a shadow of its own out."""

from domain.scopes import Scope
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.job_shapes import JobAnswer
from packshot.edge.operations import RelightForm
from packshot.edge.pictures import (
    PICTURE_HEADERS,
    PICTURE_REFUSALS,
    PICTURE_TYPES,
    PictureAnswer,
    made_picture,
)


@endpoint(
    "POST",
    "/api/v1/relight/shadow",
    scope=Scope.IMAGES_RELIGHT,
    cost=2.0,
    form=RelightForm,
    file_field="image",
    answer=PictureAnswer,
    media_types=PICTURE_TYPES,
    refuses=(*PICTURE_REFUSALS, "subject_not_found"),
    accepted=JobAnswer,
    answer_headers=PICTURE_HEADERS,
)
async def relight(call: Call[RelightForm]) -> Reply:
    """Give a subject another shadow and exposure."""
    return await made_picture(call)
