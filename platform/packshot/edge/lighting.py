"""The fields that say how a subject is lit, and the fields of ``relight/shadow``."""

from typing import Annotated, ClassVar

from pydantic import Field

from imaging.lighting import DIRECTION, ELEVATION, SHADOW_MODES, SHARE, Light, Shadow
from imaging.relight_recipe import EXPOSURE, RelightRecipe
from packshot.edge.colours import Colour
from packshot.edge.encodings import EncodedForm, as_checked
from packshot.edge.fields import NotYet, Word
from packshot.edge.quantities import Number

_RELIT = "only the shadow and the exposure are changed."


class ShadowForm(EncodedForm):
    """The shadow of a subject."""

    shadow_mode: Annotated[
        str,
        Word(
            SHADOW_MODES,
            not_yet=(
                ("cast", "use drop, which also falls away from the light."),
                ("reflection", "use contact."),
            ),
        ),
    ] = Field(
        "contact",
        alias="shadow.mode",
        description="contact: where it stands; drop: its outline, moved away from the light.",
    )
    shadow_opacity: Annotated[float, Number(*SHARE, example=0.6)] = Field(
        0.6, alias="shadow.opacity", description="How much light the shadow takes."
    )
    shadow_spread: Annotated[float, Number(*SHARE, example=0.4)] = Field(
        0.4, alias="shadow.spread", description="How soft the shadow is."
    )
    shadow_color: Annotated[str, Colour()] = Field(
        "#000000", alias="shadow.color", description="What is left where the shadow is whole."
    )

    def shadow(self) -> Shadow:
        """The shadow."""
        return Shadow(
            mode=as_checked(self.shadow_mode),
            opacity=self.shadow_opacity,
            spread=self.shadow_spread,
            colour=self.shadow_color,
        )


class RelightFields(ShadowForm):
    """How a subject shall be lit."""

    of_what: ClassVar[str] = " of relight/shadow"

    light_direction: Annotated[float, Number(*DIRECTION, example=315)] = Field(
        315.0,
        alias="light.direction",
        description="Where the light comes from, in degrees clockwise: 0 the top, 90 the right.",
    )
    light_elevation: Annotated[float, Number(*ELEVATION, example=45)] = Field(
        45.0,
        alias="light.elevation",
        description="How high the light stands: 0 long shadows, 90 none beside the subject.",
    )
    exposure: Annotated[float, Number(*EXPOSURE, example=0.3)] = Field(
        0.0, description="Stops by which the subject becomes brighter; the backdrop stays white."
    )
    light_strength: Annotated[None, NotYet(_RELIT)] = Field(None, alias="light.strength")
    light_softness: Annotated[None, NotYet("shadow.spread says how soft it is.")] = Field(
        None, alias="light.softness"
    )
    light_color: Annotated[None, NotYet(_RELIT)] = Field(None, alias="light.color")
    white_balance: Annotated[None, NotYet(_RELIT)] = None

    def recipe(self) -> RelightRecipe:
        """The recipe."""
        return RelightRecipe(
            shadow=self.shadow(),
            light=Light(self.light_direction, self.light_elevation),
            exposure=self.exposure,
            output_format=as_checked(self.format),
            quality=self.quality_meant(),
        )
