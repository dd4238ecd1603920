"""The operations: each a name in the API and a recipe, the one registry of what can be asked for.

How an operation is done stands in ``imaging/rendering.py``, apart from here: whoever only records
what was asked for loads no pixels' library.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

from imaging.background_recipe import BackgroundRecipe
from imaging.recipe import Recipe
from imaging.relight_recipe import RelightRecipe
from imaging.upscale_recipe import UpscaleRecipe


class AnyRecipe(Protocol):
    """What every operation's recipe is: everything that decides the pixels, and nothing else.

    ``operation`` is its name in the API. ``recipe_hash`` is hex SHA-256; the recipes of different
    operations never have the same one.
    """

    operation: ClassVar[str]

    @property
    def recipe_hash(self) -> str:
        """The hash of what decides the pixels."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-native data."""
        ...

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote."""
        ...


_ALL: tuple[type[AnyRecipe], ...] = (Recipe, UpscaleRecipe, BackgroundRecipe, RelightRecipe)
RECIPES: Mapping[str, type[AnyRecipe]] = {recipe.operation: recipe for recipe in _ALL}


def read_recipe(operation: str, members: dict[str, Any]) -> AnyRecipe:
    """Read what an operation's recipe wrote; raises KeyError for an operation that is not ours."""
    return RECIPES[operation].from_dict(members)
