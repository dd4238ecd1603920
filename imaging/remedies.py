"""What mends a broken rule: the fields of ``process`` that make a picture which keeps it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from math import ceil, isqrt
from typing import Any

from imaging.checks import SIDE_PX
from imaging.facts import Facts
from imaging.recipe import Recipe
from imaging.rulesets import Rule

USUAL_SIDE_PX = 2000
ANY_SIDE_PX = 1_000_000
# A little more than the 85 % of Amazon, so that a rounded pixel breaks nothing; within Google's 90.
USUAL_FILL = 0.86
USUAL_QUALITY = 92
# The quality where a file was too large: about two thirds of the bytes of 92.
SMALLER_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Fix:
    """A recipe that mends what it can, and the fields of ``process`` that say the same."""

    recipe: Recipe
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a picture has to become; a member that says nothing is None, 0 or False.

    The ends of the longer and the shorter side are pixels, those of the fill shares of the frame.
    """

    longest_least: int = 0
    longest_most: int = ANY_SIDE_PX
    shortest_least: int = 0
    is_square: bool = False
    is_white: bool = False
    is_shadowless: bool = False
    fill_least: float = 0.0
    fill_most: float = 1.0
    is_encoded: bool = False
    is_smaller: bool = False
    quality_least: int = 0

    @property
    def sets_sides(self) -> bool:
        """Whether the sides matter."""
        ends = self.longest_least or self.shortest_least or self.longest_most < ANY_SIDE_PX
        return bool(ends) or self.is_square or self.is_smaller

    @property
    def sets_fill(self) -> bool:
        """Whether the fill matters."""
        return self.fill_least > 0 or self.fill_most < 1

    def fields(self, facts: Facts) -> dict[str, Any]:
        """The fields of ``process`` that matter, nested as JSON writes them."""
        fields: dict[str, Any] = {}
        if self.sets_sides:
            fields["width"], fields["height"] = self._sides(facts)
        if self.is_white:
            fields["background"] = "white"
        if self.is_shadowless:
            fields["shadow"] = {"mode": "none"}
        if self.sets_fill:
            fields["frame"] = {"targetFill": self._fill()}
        if self.is_encoded or self.is_smaller or self.quality_least:
            fields["format"] = "jpeg"
        if self.is_smaller or self.quality_least:
            fields["quality"] = self._quality()
        return fields

    def whole(self, facts: Facts) -> Fix:
        """The recipe, with all that ``process`` would otherwise choose by its defaults."""
        width, height = self._sides(facts)
        recipe = Recipe(
            width_px=width,
            height_px=height,
            background="white" if self.is_white else "keep",
            shadow="none" if self.is_shadowless else "keep",
            target_fill=self._fill(),
            quality=self._quality(),
        )
        own = {
            "width": width,
            "height": height,
            "background": recipe.background,
            "frame": {"targetFill": recipe.target_fill},
            "format": recipe.output_format,
            "quality": recipe.quality,
        }
        return Fix(recipe, own | ({"shadow": {"mode": "none"}} if self.is_shadowless else {}))

    def _sides(self, facts: Facts) -> tuple[int, int]:
        """A square where the subject is framed anew by a rule; else the picture's own aspect."""
        framed = self.is_square or self.is_white or self.sets_fill
        aspect = 1.0 if framed else facts.width_px / facts.height_px
        longer = max(aspect, 1 / aspect)
        longest = max(USUAL_SIDE_PX, self.longest_least, ceil(self.shortest_least * longer))
        longest = min(longest, self.longest_most, SIDE_PX[1])
        shortest = max(SIDE_PX[0], round(longest / longer))
        return (longest, shortest) if aspect >= 1 else (shortest, longest)

    def _fill(self) -> float:
        if self.fill_least > USUAL_FILL:
            return min(1.0, round(self.fill_least + 0.01, 2))
        return min(USUAL_FILL, round(self.fill_most - 0.01, 2))

    def _quality(self) -> int:
        usual = SMALLER_QUALITY if self.is_smaller else USUAL_QUALITY
        return max(usual, self.quality_least)


def remedy_of(rule: Rule) -> Remedy | None:
    """What mends that rule when it is broken; None when ``process`` cannot."""
    if isinstance(rule.value, tuple):
        words = _WORDS.get(rule.metric)
        return words(rule.value) if words is not None else None
    numbers = _NUMBERS.get((rule.metric, rule.op))
    return numbers(rule.value) if numbers is not None else None


def together(remedies: Iterable[Remedy]) -> Remedy:
    """One remedy that does what all of them do."""
    return reduce(_both, remedies, Remedy())


def _both(one: Remedy, other: Remedy) -> Remedy:
    return Remedy(
        longest_least=max(one.longest_least, other.longest_least),
        longest_most=min(one.longest_most, other.longest_most),
        shortest_least=max(one.shortest_least, other.shortest_least),
        is_square=one.is_square or other.is_square,
        is_white=one.is_white or other.is_white,
        is_shadowless=one.is_shadowless or other.is_shadowless,
        fill_least=max(one.fill_least, other.fill_least),
        fill_most=min(one.fill_most, other.fill_most),
        is_encoded=one.is_encoded or other.is_encoded,
        is_smaller=one.is_smaller or other.is_smaller,
        quality_least=max(one.quality_least, other.quality_least),
    )


def without_smaller(remedy: Remedy) -> Remedy:
    """The remedy for a file that is small enough already."""
    return replace(remedy, is_smaller=False)


_PURE = Remedy(is_white=True, is_shadowless=True)
_ENCODED = Remedy(is_encoded=True)
_NUMBERS: Mapping[tuple[str, str], Callable[[float], Remedy]] = {
    ("longest_side", "ge"): lambda value: Remedy(longest_least=ceil(value)),
    ("longest_side", "le"): lambda value: Remedy(longest_most=int(value)),
    ("shortest_side", "ge"): lambda value: Remedy(shortest_least=ceil(value)),
    ("megapixels", "le"): lambda value: Remedy(longest_most=isqrt(int(value * 1_000_000))),
    ("aspect", "le"): lambda _: Remedy(is_square=True),
    ("background_pure_share", "ge"): lambda _: _PURE,
    ("background_light_share", "ge"): lambda _: Remedy(is_white=True),
    ("border_pure_share", "ge"): lambda _: _PURE,
    ("border_light_share", "ge"): lambda _: Remedy(is_white=True),
    ("transparent_share", "le"): lambda _: _ENCODED,
    ("fill_longest", "ge"): lambda value: Remedy(fill_least=value),
    ("fill_longest", "le"): lambda value: Remedy(fill_most=value),
    ("pages", "le"): lambda _: _ENCODED,
    ("bit_depth", "le"): lambda _: _ENCODED,
    ("bytes", "le"): lambda _: Remedy(is_smaller=True),
    ("jpeg_quality", "ge"): lambda value: Remedy(quality_least=ceil(value)),
}
_WORDS: Mapping[str, Callable[[tuple[str, ...]], Remedy | None]] = {
    "format": lambda words: _ENCODED if "jpeg" in words else None,
    "colour_space": lambda words: _ENCODED if "rgb" in words else None,
    "colour_profile": lambda words: _ENCODED if "none" in words else None,
    "background_kind": lambda words: Remedy(is_white=True) if "white" in words else None,
}
