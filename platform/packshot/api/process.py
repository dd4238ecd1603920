"""POST /api/v1/process: the main job, a product photo in and a packshot out."""

from typing import Annotated, Any

from pydantic import Field

from domain.errors import InvalidInput, NotFound, Refusal
from domain.ids import OutputId
from domain.scopes import Scope
from imaging.recipe import Length, Margins, Recipe
from packshot.commands.images import Images, Photo, Processed, Wish
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.fields import Label, Margin, NotYet, Number, WholeNumber, Word
from packshot.edge.forms import Form
from packshot.edge.negotiation import wants_bytes
from packshot.edge.shapes import (
    Answer,
    OutputAnswer,
    file_answer,
    output_answer,
    timings_answer,
)

DEFAULT_QUALITY = 92
ONE_SOURCE = "Send the photo as the multipart file image, or an outputId."

Side = Annotated[int, WholeNumber(16, 10_000, example=2000)]
Quality = Annotated[int, WholeNumber(1, 100, example=92)]
Room = Annotated[Length, Margin()]
Text = Annotated[str | None, Label()]


class ProcessForm(Form):
    """What a packshot shall be."""

    width: Side = Field(2000, description="Width of the canvas in pixels.")
    height: Side = Field(2000, description="Height of the canvas in pixels.")
    margin: Room = Field(
        Length(0.08, "ratio"),
        description='Room around the product: a ratio of the side, "5%", or "80px".',
        json_schema_extra={"default": 0.08},
    )
    margin_top: Room | None = Field(None, description="Room above, in place of margin.")
    margin_right: Room | None = Field(None, description="Room on the right, in place of margin.")
    margin_bottom: Room | None = Field(None, description="Room below, in place of margin.")
    margin_left: Room | None = Field(None, description="Room on the left, in place of margin.")
    target_fill: Annotated[float, Number(0.1, 1.0, example=0.86)] | None = Field(
        None,
        alias="frame.targetFill",
        description="Share of the canvas that the product's limiting side takes; not with margins.",
    )
    anchor: Annotated[
        str,
        Word(
            ("center", "top", "bottom", "left", "right",
             "top-left", "top-right", "bottom-left", "bottom-right")
        ),
    ] = Field("center", description="Where the product rests in the room left.")  # fmt: skip
    format: Annotated[
        str,
        Word(
            ("jpeg", "png", "webp"),
            aliases=(("jpg", "jpeg"),),
            not_yet=(("avif", "encode as webp, which every browser reads."),),
        ),
    ] = Field("jpeg", description="File format of the packshot.")
    quality: Quality | None = Field(None, description="Quality of JPEG or WebP; 92 by default.")
    jpeg_quality: Quality | None = Field(
        None, description="Quality of a JPEG; the same as quality."
    )
    background: Annotated[
        str,
        Word(
            ("white", "keep"),
            not_yet=(("transparent", "there are no cut-outs yet; use white or keep."),),
        ),
    ] = Field("white", description="White where the backdrop allows it, or the photo's own.")
    remove_background: Annotated[
        str,
        Word(
            ("auto", "never"),
            not_yet=(
                ("always", "there are no cut-outs yet; auto whitens where the backdrop allows it."),
            ),
        ),
    ] = Field("auto", description="auto: as background says; never: the photo's own is kept.")
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
    return Reply(ProcessAnswer(output=_told(processed, wish)), head=processed.head)


def _told(processed: Processed, wish: Wish) -> OutputAnswer:
    """The output with this request's own job and words, also when an earlier one had made it."""
    return output_answer(processed.output).model_copy(
        update={
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
    keep = form.background == "keep" or form.remove_background == "never"
    recipe = Recipe(
        width_px=form.width,
        height_px=form.height,
        margins=_margins_of(form),
        output_format=_word(form.format),
        quality=_quality_of(form),
        background="keep" if keep else "white",
        target_fill=form.target_fill,
        anchor=_word(form.anchor),
    )
    return Wish(recipe, form.preset_label, form.sku, form.client_ref)


def _margins_of(form: ProcessForm) -> Margins:
    sides = ("margin", "margin_top", "margin_right", "margin_bottom", "margin_left")
    if form.target_fill is not None and form.model_fields_set.intersection(sides):
        raise _contradiction(
            "frame.targetFill",
            "frame.targetFill excludes margins.",
            "Send one of them.",
        )
    return Margins(
        top=form.margin_top or form.margin,
        right=form.margin_right or form.margin,
        bottom=form.margin_bottom or form.margin,
        left=form.margin_left or form.margin,
    )


def _quality_of(form: ProcessForm) -> int:
    """The one quality that the two fields ask for; what would be ignored is refused instead."""
    if form.jpeg_quality is not None and form.format != "jpeg":
        raise _contradiction(
            "jpegQuality",
            f"jpegQuality is for JPEG; this picture will be {form.format}.",
            "Send quality for WebP; PNG is always exact.",
        )
    if form.quality is not None and form.format == "png":
        raise _contradiction("quality", "A PNG is exact and has no quality.", "Leave quality out.")
    asked = {q for q in (form.quality, form.jpeg_quality) if q is not None}
    if len(asked) > 1:
        raise _contradiction("quality", "quality and jpegQuality differ.", "Send one of them.")
    return asked.pop() if asked else DEFAULT_QUALITY


def _contradiction(param: str, detail: str, fix: str) -> Refusal:
    return InvalidInput("invalid_parameter", detail, param=param, fix=fix)


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


def _word(word: str) -> Any:
    """A word that its form has checked already, for a parameter whose type lists the words."""
    return word
