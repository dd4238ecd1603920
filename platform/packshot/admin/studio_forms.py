"""What the Studio asks for: each operation with the very fields that the API has for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from domain.output import Output
from domain.scopes import Scope
from imaging.operations import RECIPES
from packshot.edge.backdrops import BackgroundFields
from packshot.edge.encodings import OperationForm
from packshot.edge.fields import Word
from packshot.edge.lighting import RelightFields
from packshot.edge.recipes import RecipeForm
from packshot.edge.sources import Text
from packshot.edge.upscaling import UpscaleFields

# What a margin of an earlier recipe is shown as, where it cannot be shown as it is.
USUAL_MARGIN = "0.08"


class StudioForm(OperationForm):
    """A photo, or the earlier output whose photo is meant, and what is to be made of it."""

    operation: Annotated[str, Word(tuple(RECIPES))] = "process"
    again_of: Text = Field(None, description="An output; its photo is used once more.")

    @classmethod
    def chosen(cls, values: Mapping[str, object]) -> "type[StudioForm]":
        """The form of the operation that is named."""
        offered = OFFERED.get(str(values.get("operation", "process")))
        return PackshotForm if offered is None else offered.form

    @classmethod
    def variants(cls) -> "Sequence[type[StudioForm]]":
        """The form of every operation."""
        return tuple(offered.form for offered in OFFERED.values())


class PackshotForm(StudioForm, RecipeForm):
    """A packshot of the photo."""


class LargerForm(StudioForm, UpscaleFields):
    """The photo, enlarged."""


class BackdropForm(StudioForm, BackgroundFields):
    """The product before a backdrop that is made."""


class ShadowedForm(StudioForm, RelightFields):
    """The product on white with another shadow."""


@dataclass(frozen=True, slots=True)
class Offered:
    """An operation: what the Studio calls it, its form, and the API's scope and weight of it."""

    label: str
    form: type[StudioForm]
    scope: Scope
    cost: float


OFFERED: Mapping[str, Offered] = {
    "process": Offered("Packshot", PackshotForm, Scope.IMAGES_PROCESS, 1.0),
    "upscale": Offered("Upscale", LargerForm, Scope.IMAGES_UPSCALE, 4.0),
    "backgrounds/generate": Offered("Background", BackdropForm, Scope.IMAGES_BACKGROUND, 4.0),
    "relight/shadow": Offered("Shadow", ShadowedForm, Scope.IMAGES_RELIGHT, 2.0),
}


def shown_fields(output: Output, operation: str) -> dict[str, str]:
    """What the controls show for an earlier output: the fields that would ask for it again."""
    recipe = output.recipe
    fields: dict[str, Any] = {
        "operation": operation,
        "format": recipe["format"],
        "quality": recipe["quality"],
    }
    for name in ("width", "height", "background", "factor", "mode", "exposure"):
        fields[name] = recipe.get(name)
    fields["margin"] = _margin_of(recipe)
    fields["kind"] = recipe.get("kind")
    colours = recipe.get("colours")
    fields["colors"] = colours[0] if colours else None
    shadow, light = recipe.get("shadow"), recipe.get("light")
    if isinstance(shadow, Mapping):
        fields["shadow.mode"], fields["shadow.opacity"] = shadow["mode"], shadow.get("opacity")
    elif shadow is not None:
        fields["shadow.mode"] = shadow
    if isinstance(light, Mapping):
        fields["light.direction"] = light["direction"]
    return {name: _plain(value) for name, value in fields.items() if value is not None}


def _margin_of(recipe: Mapping[str, Any]) -> str | None:
    if recipe.get("targetFill") is not None:
        return _plain(round((1 - recipe["targetFill"]) / 2, 3))
    margins = recipe.get("margins")
    if margins is None:
        return None
    sides = set(margins.values())
    (margin,) = sides if len(sides) == 1 else (USUAL_MARGIN,)
    return USUAL_MARGIN if margin.endswith("px") else str(margin)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
