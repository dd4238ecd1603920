"""What rules are about: each measured fact by the name that rules use, and how it is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imaging.facts import Facts

Value = float | str | None


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured fact that rules may name.

    ``written`` tells a value to people. ``is_word`` says that it is one of a few words, and
    ``is_estimate`` that it may be wrong: a rule about it is never required.
    """

    of: Callable[[Facts], Value]
    written: Callable[[float], str] = str
    is_word: bool = False
    is_estimate: bool = False
    # True of what depends on the subject's outline, which may be uncertain.
    is_of_subject: bool = False


def _pixels(value: float) -> str:
    return f"{value:.0f} px"


def _bytes(value: float) -> str:
    return f"{value / 1e6:.3g} MB" if value >= 1e6 else f"{value / 1e3:.3g} kB"  # noqa: PLR2004


def _share(value: float) -> str:
    # Cut off, not rounded: 84.99 % is not yet 85 %.
    return f"{int(value * 10_000 + 1e-6) / 100:g} %"


def _plain(value: float) -> str:
    return f"{value:.4g}"


METRICS: Mapping[str, Metric] = {
    "longest_side": Metric(lambda facts: facts.longest_side_px, _pixels),
    "shortest_side": Metric(lambda facts: facts.shortest_side_px, _pixels),
    "megapixels": Metric(lambda facts: facts.megapixels, lambda value: f"{value:.4g} MP"),
    "aspect": Metric(lambda facts: facts.aspect, lambda value: f"{value:.3f} to 1"),
    "bytes": Metric(lambda facts: facts.size_bytes, _bytes),
    "pages": Metric(lambda facts: facts.pages, _plain),
    "bit_depth": Metric(lambda facts: facts.bit_depth, lambda value: f"{value:.0f} bits"),
    "jpeg_quality": Metric(lambda facts: facts.jpeg_quality, _plain, is_estimate=True),
    "transparent_share": Metric(lambda facts: facts.transparent_share, _share),
    "border_pure_share": Metric(lambda facts: facts.border_pure_share, _share),
    "border_light_share": Metric(lambda facts: facts.border_light_share, _share),
    "background_pure_share": Metric(lambda facts: facts.background_pure_share, _share),
    "background_light_share": Metric(lambda facts: facts.background_light_share, _share),
    "background_spread": Metric(
        lambda facts: facts.background_spread, lambda value: f"{value:g} levels", is_estimate=True
    ),
    "fill_longest": Metric(lambda facts: facts.fill_longest, _share, is_of_subject=True),
    "sharpness": Metric(lambda facts: facts.sharpness, _plain, is_estimate=True),
    "format": Metric(lambda facts: facts.format, is_word=True),
    "colour_space": Metric(lambda facts: facts.colour_space, is_word=True),
    "colour_profile": Metric(lambda facts: facts.colour_profile, is_word=True),
    "background_kind": Metric(lambda facts: facts.background_kind, is_word=True, is_estimate=True),
}
