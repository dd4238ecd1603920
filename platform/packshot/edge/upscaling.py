"""The fields of ``upscale`` and their recipe."""

from typing import Annotated, ClassVar

from pydantic import Field

from imaging.upscale_recipe import FACTOR, MODES, UpscaleRecipe
from packshot.edge.encodings import EncodedForm, as_checked
from packshot.edge.fields import Word
from packshot.edge.quantities import Number
from packshot.edge.recipes import Side

DEFAULT_FACTOR = 2.0


class UpscaleFields(EncodedForm):
    """How much larger a picture shall be."""

    of_what: ClassVar[str] = " of upscale"

    factor: Annotated[float, Number(*FACTOR, example=2)] | None = Field(
        None, description="How many times larger; 2 by default, or as the target sides say."
    )
    target_width: Side | None = Field(
        None, description="Width that the enlarged picture fits in; its proportions stay."
    )
    target_height: Side | None = Field(
        None, description="Height that the enlarged picture fits in; its proportions stay."
    )
    mode: Annotated[str, Word(MODES)] = Field(
        "auto", description="photo, text (harder edges), pixel (squares), or auto, which looks."
    )

    def recipe(self) -> UpscaleRecipe:
        """The recipe; raises InvalidInput for a factor beside a target."""
        has_target = self.target_width is not None or self.target_height is not None
        factor = DEFAULT_FACTOR if self.factor is None and not has_target else self.factor
        return UpscaleRecipe(
            factor=factor,
            target_width_px=self.target_width,
            target_height_px=self.target_height,
            mode=as_checked(self.mode),
            output_format=as_checked(self.format),
            quality=self.quality_meant(),
        )
