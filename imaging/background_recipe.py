"""The recipe of the operation ``backgrounds/generate``: a backdrop, and the subject before it."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from domain.errors import InvalidInput
from imaging.checks import FORMATS, QUALITY, SIDE_PX, hash_of, require_range, require_word
from imaging.lengths import Length, Margins
from imaging.lighting import Shadow, require_colour
from imaging.recipe import OutputFormat, Recipe

BackgroundKind = Literal["solid", "gradient", "sweep", "scene"]
KINDS: tuple[BackgroundKind, ...] = ("solid", "gradient", "sweep", "scene")
SCENES = ("podium",)
SEED = (0, 2**31 - 1)
MOST_COLOURS = 3
# The share of the height that a podium takes: what stands on it stands no lower.
_FOOT = 0.26
_HASH_VERSION = 1


@dataclass(frozen=True, slots=True)
class BackgroundRecipe:
    """The backdrop that shall be made, and how the subject stands before it.

    ``scene`` names one where the kind is ``scene``. ``colours`` are up to three, written as
    ``#rrggbb``; what is not said is chosen by kind. The same ``seed`` (0 to 2³¹ − 1) gives the same
    backdrop. Without ``composite`` there is the backdrop alone. ``ignored_words`` are those of a
    prompt that meant nothing: the picture is told with them.

    Construction raises InvalidInput (``width_out_of_range``, ``invalid_parameter``, …).
    """

    operation: ClassVar[str] = "backgrounds/generate"

    kind: BackgroundKind = "sweep"
    scene: str | None = None
    colours: tuple[str, ...] = ()
    seed: int = 0
    composite: bool = True
    shadow: Shadow = field(default_factory=Shadow)
    width_px: int = 2000
    height_px: int = 2000
    margins: Margins = field(default_factory=lambda: Recipe().margins)
    output_format: OutputFormat = "jpeg"
    quality: int = 92
    ignored_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no picture can be made from."""
        require_word("kind", self.kind, KINDS)
        if (self.scene is not None) != (self.kind == "scene"):
            raise InvalidInput(
                "invalid_parameter",
                "A scene belongs to kind=scene.",
                param="scene",
                fix=f"Send kind=scene and scene={SCENES[0]}, or leave the scene out.",
            )
        if self.scene is not None:
            require_word("scene", self.scene, SCENES)
        if len(self.colours) > MOST_COLOURS:
            raise InvalidInput(
                "invalid_parameter",
                f"There may be up to {MOST_COLOURS} colors; got {len(self.colours)}.",
                param="colors",
                fix="Send the first ones only.",
            )
        for colour in self.colours:
            require_colour("colors", colour)
        require_range("seed", self.seed, SEED)
        require_range("width", self.width_px, SIDE_PX)
        require_range("height", self.height_px, SIDE_PX)
        require_range("quality", self.quality, QUALITY)
        require_word("format", self.output_format, FORMATS)
        self.framing()

    def framing(self) -> Recipe:
        """The canvas, and the room for the subject on it; refuses margins without room."""
        margins = self.margins
        stands = self.scene == "podium"
        if stands and margins.bottom.in_px(self.height_px) < self.height_px * _FOOT:
            margins = replace(margins, bottom=Length(_FOOT, "ratio"))
        return Recipe(
            width_px=self.width_px,
            height_px=self.height_px,
            margins=margins,
            anchor="bottom" if stands else "center",
            output_format=self.output_format,
            quality=self.quality,
            background="keep",
        )

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-native data; ``from_dict`` turns it back."""
        return {
            "kind": self.kind,
            "scene": self.scene,
            "colours": list(self.colours),
            "seed": self.seed,
            "composite": self.composite,
            "shadow": self.shadow.to_dict(),
            "width": self.width_px,
            "height": self.height_px,
            "margins": self.margins.to_dict(),
            "format": self.output_format,
            "quality": self.quality,
            "ignoredWords": list(self.ignored_words),
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> "BackgroundRecipe":
        """Read what ``to_dict`` wrote."""
        return cls(
            kind=members["kind"],
            scene=members["scene"],
            colours=tuple(members["colours"]),
            seed=members["seed"],
            composite=members["composite"],
            shadow=Shadow(**members["shadow"]),
            width_px=members["width"],
            height_px=members["height"],
            margins=Margins.from_dict(members["margins"]),
            output_format=members["format"],
            quality=members["quality"],
            ignored_words=tuple(members["ignoredWords"]),
        )

    @property
    def recipe_hash(self) -> str:
        """Hex SHA-256 over what decides the output; the quality of a PNG does not."""
        members = self.to_dict() | {"operation": self.operation, "version": _HASH_VERSION}
        if self.output_format == "png":
            del members["quality"]
        return hash_of(members)
