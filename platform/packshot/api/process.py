"""POST /api/v1/process: the main job, a product photo in and a packshot out."""

from typing import Annotated

from pydantic import ConfigDict, Field

from domain.errors import InvalidInput, NotFound
from domain.ids import OutputId
from domain.scopes import Scope
from packshot.commands.images import Images, Processed
from packshot.commands.making import Photo, Wish
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.fields import Label, NotYet
from packshot.edge.negotiation import wants_bytes
from packshot.edge.recipes import RecipeForm, recipe_of, unused_fields
from packshot.edge.shapes import (
    Answer,
    OutputAnswer,
    WarningAnswer,
    file_answer,
    output_answer,
    timings_answer,
)

ONE_SOURCE = "Send the photo as the multipart file image, or an outputId."

Text = Annotated[str | None, Label()]


class ProcessForm(RecipeForm):
    """A packshot: its recipe, its source, and the caller's own words."""

    model_config = ConfigDict(json_schema_extra={"required": ["outputId"]})

    preset_label: Text = Field(None, description="A label, recorded and echoed.")
    sku: Text = Field(None, description="The product's number, recorded and echoed.")
    client_ref: Text = Field(None, description="Your own reference, recorded and echoed.")
    output_id: Text = Field(
        None, description="An earlier output to start from, in place of the file."
    )
    image_url: Annotated[None, NotYet("send the photo itself as the multipart file image.")] = None
    input_id: Annotated[None, NotYet("send the photo itself as the multipart file image.")] = None


class ProcessAnswer(Answer):
    """The packshot."""

    output: OutputAnswer


@endpoint(
    "POST",
    "/api/v1/process",
    scope=Scope.IMAGES_PROCESS,
    cost=1.0,
    form=ProcessForm,
    file_field="image",
    answer=ProcessAnswer,
    media_types=("image/jpeg", "image/png", "image/webp"),
    refuses=(
        "missing_parameter", "ambiguous_input", "too_many_pixels", "too_much_memory",
        "unsupported_image_format", "malformed_image", "org_suspended", "overloaded", "timeout",
    ),
    answer_headers=("x-log-position", "x-log-head", "x-output-id", "x-recipe-hash"),
)  # fmt: skip
async def process(call: Call[ProcessForm]) -> Reply:
    """Make a packshot of a product photo."""
    images = call.services.images
    wish = _wish_of(call.form)
    photo = await _photo_of(call, images)
    processed = await images.process(call.context, photo, wish)
    if wants_bytes(call.request.headers.get("accept")):
        return _as_bytes(call, processed)
    told = _told(processed, wish, unused=unused_fields(call.form))
    return Reply(ProcessAnswer(output=told), head=processed.head)


def _told(processed: Processed, wish: Wish, *, unused: list[dict[str, str]]) -> OutputAnswer:
    """The output with this request's own job and words, also when an earlier one had made it."""
    told = output_answer(processed.output)
    return told.model_copy(
        update={
            "warnings": [*told.warnings, *(WarningAnswer(**warning) for warning in unused)],
            "job_id": str(processed.job_id),
            "cached": processed.cached,
            "timings": timings_answer(processed.timings),
            "preset_label": wish.preset_label,
            "sku": wish.sku,
            "client_ref": wish.client_ref,
        }
    )


async def _photo_of(call: Call[ProcessForm], images: Images) -> Photo:
    output_id = call.form.output_id
    if call.file is not None and output_id is not None:
        raise InvalidInput(
            "ambiguous_input", "The request holds a file and an outputId.", fix=ONE_SOURCE
        )
    if call.file is not None:
        return Photo(call.file.path, call.file.sha256, call.file.size_bytes)
    if output_id is not None:
        return await images.photo_of_output(call.key.org_id, _parsed(output_id))
    raise InvalidInput(
        "missing_parameter", "The request holds no picture.", param="image", fix=ONE_SOURCE
    )


def _parsed(output_id: str) -> OutputId:
    """The id; a malformed one names nothing, as an unknown one does."""
    try:
        return OutputId.parse(output_id)
    except ValueError:
        raise NotFound("not_found", "There is no such output.", fix="Check the outputId.") from None


def _wish_of(form: ProcessForm) -> Wish:
    return Wish(recipe_of(form), form.preset_label, form.sku, form.client_ref)


def _as_bytes(call: Call[ProcessForm], processed: Processed) -> Reply:
    output = processed.output
    path = call.services.images.content_path(call.key.org_id, output)
    return Reply(
        file_answer(output, path),
        headers={
            "x-output-id": str(output.output_id),
            "x-recipe-hash": output.recipe_hash,
            "vary": "accept",
        },
        head=processed.head,
    )
