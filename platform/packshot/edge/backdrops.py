"""The fields of ``backgrounds/generate`` and their recipe."""

from typing import Annotated, ClassVar

from pydantic import Field

from domain.errors import InvalidInput
from imaging.background_recipe import (
    KINDS,
    MOST_COLOURS,
    SCENES,
    SEED,
    BackgroundKind,
    BackgroundRecipe,
)
from imaging.prompts import Prompt, read_prompt
from packshot.edge.colours import Colours
from packshot.edge.encodings import as_checked
from packshot.edge.fields import Label, NotYet, Truth, Word
from packshot.edge.lighting import ShadowForm
from packshot.edge.quantities import WholeNumber
from packshot.edge.recipes import FramedForm

LONGEST_PROMPT = 500
_ONE_SCENE = "podium is the only scene yet."


class BackgroundFields(ShadowForm, FramedForm):
    """The backdrop that shall be made, and the subject before it."""

    of_what: ClassVar[str] = " of backgrounds/generate"

    kind: (
        Annotated[
            str,
            Word(
                KINDS,
                not_yet=(
                    ("surface", "use sweep or scene=podium."),
                    ("blur", "use gradient or sweep."),
                ),
            ),
        ]
        | None
    ) = Field(None, description="Kind of backdrop; sweep unless scene or prompt say another.")
    scene: (
        Annotated[
            str,
            Word(
                SCENES,
                not_yet=tuple((scene, _ONE_SCENE) for scene in ("bokeh", "wood", "marble", "room")),
            ),
        ]
        | None
    ) = Field(None, description="Which scene; it implies kind=scene.")
    prompt: Annotated[str | None, Label(LONGEST_PROMPT)] = Field(
        None,
        description="Words for kind and colors; words that mean nothing are told as a warning.",
    )
    colors: Annotated[tuple[str, ...], Colours(MOST_COLOURS)] | None = Field(
        None, description="Up to 3 colors as #rrggbb: the backdrop, then what stands before it."
    )
    seed: Annotated[int, WholeNumber(*SEED, example=7)] | None = Field(
        None, description="The same seed gives the same backdrop; from the prompt by default, or 0."
    )
    composite: Annotated[bool, Truth()] = Field(
        default=True, description="false: the backdrop alone, without the subject."
    )
    engine: Annotated[None, NotYet("no generative engine can be configured.")] = None

    def recipe(self) -> BackgroundRecipe:
        """The recipe; raises InvalidInput for a scene beside another kind."""
        prompt = Prompt(None, (), 0, ()) if self.prompt is None else read_prompt(self.prompt)
        kind = self._kind(prompt)
        return BackgroundRecipe(
            kind=kind,
            scene=(self.scene or SCENES[0]) if kind == "scene" else None,
            colours=prompt.colours if self.colors is None else self.colors,
            seed=prompt.seed if self.seed is None else self.seed,
            composite=self.composite,
            shadow=self.shadow(),
            width_px=self.width,
            height_px=self.height,
            margins=self.margins(),
            output_format=as_checked(self.format),
            quality=self.quality_meant(),
            ignored_words=prompt.ignored,
        )

    def _kind(self, prompt: Prompt) -> BackgroundKind:
        """The kind by what says it most plainly: kind, then scene, then prompt."""
        if self.scene is not None and self.kind not in {None, "scene"}:
            raise InvalidInput(
                "invalid_parameter",
                f"scene={self.scene} and kind={self.kind} contradict each other.",
                param="scene",
                fix="Send one of them.",
            )
        if self.scene is not None:
            return "scene"
        kind: BackgroundKind | None = as_checked(self.kind) if self.kind is not None else None
        return kind or prompt.kind or "sweep"
