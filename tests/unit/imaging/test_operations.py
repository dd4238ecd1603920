"""The operations: each known by its name, with a recipe and a pipeline of its own."""

import json

import pytest

from imaging.background_recipe import BackgroundRecipe
from imaging.operations import RECIPES, AnyRecipe, read_recipe
from imaging.recipe import Recipe
from imaging.relight_recipe import RelightRecipe
from imaging.rendering import PIPELINES
from imaging.upscale_recipe import UpscaleRecipe

EXAMPLES: tuple[AnyRecipe, ...] = (
    Recipe(),
    UpscaleRecipe(factor=2.0),
    BackgroundRecipe(),
    RelightRecipe(),
)


def test_every_operation_has_a_recipe_and_a_pipeline() -> None:
    assert set(PIPELINES) == set(RECIPES) == {recipe.operation for recipe in EXAMPLES}


@pytest.mark.parametrize("recipe", EXAMPLES, ids=lambda recipe: recipe.operation)
def test_a_recipe_comes_back_from_its_record(recipe: AnyRecipe) -> None:
    assert read_recipe(recipe.operation, json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_no_two_operations_share_a_hash() -> None:
    assert len({recipe.recipe_hash for recipe in EXAMPLES}) == len(EXAMPLES)


def test_the_hash_of_a_packshot_is_what_it_was() -> None:
    """Outputs are found by it: another one would render every picture again."""
    published = "b9301c0815dc02bf314cb7764f328f6575189a2dc0b5ae8741907ac917b0d7b6"
    assert Recipe().recipe_hash == published
