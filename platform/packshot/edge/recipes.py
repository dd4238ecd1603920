"""The fields of ``process`` and their recipe."""

from typing import Annotated, ClassVar

from pydantic import Field

from imaging.recipe import Length, Margins, Recipe
from packshot.edge.encodings import EncodedForm, as_checked
from packshot.edge.fields import Word
from packshot.edge.quantities import Margin, Number, WholeNumber

Side = Annotated[int, WholeNumber(16, 10_000, example=2000)]
Room = Annotated[Length, Margin()]


class FramedForm(EncodedForm):
    """The canvas of a picture and the room around its product."""

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

    def margins(self) -> Margins:
        """The room on each side."""
        return Margins(
            top=self.margin_top or self.margin,
            right=self.margin_right or self.margin,
            bottom=self.margin_bottom or self.margin,
            left=self.margin_left or self.margin,
        )


class RecipeForm(FramedForm):
    """What a packshot shall be."""

    of_what: ClassVar[str] = " of process"

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
    shadow_mode: Annotated[
        str,
        Word(
            ("keep", "none"),
            not_yet=tuple(
                (mode, "POST /api/v1/relight/shadow makes new shadows; here use keep or none.")
                for mode in ("contact", "drop", "cast", "reflection")
            ),
        ),
    ] = Field(
        "keep",
        alias="shadow.mode",
        description="keep: the natural shadow stays; none: all around the product is white.",
    )

    def recipe(self) -> Recipe:
        """The recipe; raises InvalidInput for fields that contradict each other."""
        keep = self.background == "keep" or self.remove_background == "never"
        return Recipe(
            width_px=self.width,
            height_px=self.height,
            margins=self.margins(),
            output_format=as_checked(self.format),
            quality=self.quality_meant(),
            background="keep" if keep else "white",
            target_fill=self.target_fill,
            anchor=as_checked(self.anchor),
            shadow=as_checked(self.shadow_mode),
        )
