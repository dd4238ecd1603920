"""The recipe's fields as every endpoint that makes a picture takes them, and their recipe."""

from typing import Annotated, Any

from pydantic import Field

from domain.errors import InvalidInput
from imaging.recipe import Length, Margins, Recipe
from packshot.edge.fields import Word
from packshot.edge.forms import Form
from packshot.edge.quantities import Margin, Number, WholeNumber

DEFAULT_QUALITY = 92

Side = Annotated[int, WholeNumber(16, 10_000, example=2000)]
Quality = Annotated[int, WholeNumber(1, 100, example=92)]
Room = Annotated[Length, Margin()]


class RecipeForm(Form):
    """What a picture shall be; endpoints that make one add where it comes from."""

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
        description="Share of the canvas that the product's limiting side takes, not margins.",
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


def recipe_of(form: RecipeForm) -> Recipe:
    """The recipe of a form; raises InvalidInput for fields that contradict each other."""
    keep = form.background == "keep" or form.remove_background == "never"
    return Recipe(
        width_px=form.width,
        height_px=form.height,
        margins=_margins_of(form),
        output_format=_word(form.format),
        quality=_quality_of(form),
        background="keep" if keep else "white",
        target_fill=form.target_fill,
        anchor=_word(form.anchor),
    )


def _margins_of(form: RecipeForm) -> Margins:
    return Margins(
        top=form.margin_top or form.margin,
        right=form.margin_right or form.margin,
        bottom=form.margin_bottom or form.margin,
        left=form.margin_left or form.margin,
    )


def unused_fields(form: RecipeForm) -> list[dict[str, str]]:
    """A warning for each field that means nothing for the format asked for.

    A client that always sends its form's JPEG quality also gets its PNG, and is told.
    """
    unused = []
    if form.jpeg_quality is not None and form.format != "jpeg":
        unused.append(("jpegQuality", "is for JPEG only"))
    if form.quality is not None and form.format == "png":
        unused.append(("quality", "means nothing for PNG, which is exact"))
    return [
        {"code": "field_unused", "detail": f"{name} {why}; this output is {form.format}."}
        for name, why in unused
    ]


def _quality_of(form: RecipeForm) -> int:
    """The one quality that counts for the format; the default where none does."""
    if form.format == "png":
        return DEFAULT_QUALITY
    jpeg_quality = form.jpeg_quality if form.format == "jpeg" else None
    asked = {quality for quality in (form.quality, jpeg_quality) if quality is not None}
    if len(asked) > 1:
        raise InvalidInput(
            "invalid_parameter",
            "quality and jpegQuality differ.",
            param="quality",
            fix="Send one of them.",
        )
    return asked.pop() if asked else DEFAULT_QUALITY


def _word(word: str) -> Any:
    """A word that its form has checked already, for a parameter whose type lists the words."""
    return word
