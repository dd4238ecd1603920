"""Where a picture comes from: a file, an earlier output or an address; exactly one of them."""

from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import ConfigDict, Field

from domain.errors import InvalidInput, NotFound
from domain.ids import OutputId
from packshot.commands.making import Photo, Wish
from packshot.commands.plans import Link
from packshot.edge.contract import Call
from packshot.edge.encodings import OperationForm
from packshot.edge.fields import Label, NotYet

ONE_SOURCE = "Send the photo as the multipart file image, an imageUrl, or an outputId."
LONGEST_URL = 2048

Text = Annotated[str | None, Label()]
Address = Annotated[str | None, Label(LONGEST_URL)]


class SourceForm(OperationForm):
    """The source of a picture, and the caller's own words; an operation adds its own fields."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["imageUrl"]}, {"required": ["outputId"]}]}
    )

    preset_label: Text = Field(
        None, description="A label, recorded and echoed.", examples=["api-test"]
    )
    sku: Text = Field(None, description="The product's number, recorded and echoed.")
    client_ref: Text = Field(None, description="Your own reference, recorded and echoed.")
    output_id: Text = Field(
        None, description="An earlier output to start from, in place of the file."
    )
    image_url: Address = Field(
        None, description="An address to fetch the photo from, in place of the file."
    )
    input_id: Annotated[None, NotYet("send the photo itself as the multipart file image.")] = None


class PictureForm(SourceForm):
    """The source of a picture, the caller's own words, and who is told of the end."""

    # What one item of a batch may say of these.
    item_form: ClassVar[type[SourceForm]]

    webhook_url: Address = Field(
        None, description="An address that is told when the job has ended."
    )


PictureFormT = TypeVar("PictureFormT", bound=PictureForm)


def wish_of(form: PictureForm) -> Wish:
    """What the form asks of its picture."""
    return Wish(form.recipe(), form.preset_label, form.sku, form.client_ref, form.webhook_url)


async def source_of(call: Call[Any]) -> Photo | Link:
    """The one source that a request names; its form has ``output_id`` and ``image_url``.

    Raises InvalidInput (ambiguous_input, missing_parameter, url_not_allowed) and NotFound.
    """
    form = call.form
    named = [
        name
        for name, given in (
            ("a file", call.file), ("an outputId", form.output_id), ("an imageUrl", form.image_url)
        )
        if given is not None
    ]  # fmt: skip
    if len(named) > 1:
        raise InvalidInput(
            "ambiguous_input", f"The request holds {' and '.join(named)}.", fix=ONE_SOURCE
        )
    if call.file is not None:
        return Photo(call.file.path, call.file.sha256, call.file.size_bytes)
    if form.output_id is not None:
        output_id = output_id_of(form.output_id)
        return await call.services.images.photo_of_output(call.key.org_id, output_id)
    if form.image_url is not None:
        await call.services.outbound.check(form.image_url, param="imageUrl")
        return Link(form.image_url)
    raise InvalidInput(
        "missing_parameter", "The request holds no picture.", param="image", fix=ONE_SOURCE
    )


async def check_webhook_url(call: Call[PictureFormT]) -> None:
    """Raise InvalidInput (url_not_allowed) for an address that could never be told."""
    url = call.form.webhook_url
    if url is not None:
        await call.services.outbound.check(url, param="webhookUrl")


def output_id_of(text: str, *, param: str | None = None) -> OutputId:
    """The id; a malformed one names nothing, as an unknown one does: NotFound."""
    try:
        return OutputId.parse(text)
    except ValueError:
        raise no_such_output(param) from None


def no_such_output(param: str | None) -> NotFound:
    """The refusal of an output id that names nothing in the caller's organization."""
    return NotFound("not_found", "There is no such output.", param=param, fix="Check the outputId.")
