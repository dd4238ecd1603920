"""Place the subject on the canvas, and tell what a buyer or a channel would notice about it."""

from imaging.notices import tell_placement, warn_of_subject
from imaging.plan import on_canvas, place_subject, place_whole
from imaging.work import Work

# Amazon's main image: "the product must fill 85% or more of the image"
# (https://sellercentral.amazon.com/help/hub/reference/external/G1881, read 2026-11).
AMAZON_FILL = 0.85
# Half a pixel of 2000 is rounding, not a broken rule.
_ROUNDING = 0.0005


def frame(work: Work) -> None:
    """Fill ``placement``; warn about what does not fit."""
    size = work.header.width_px, work.header.height_px
    found, backdrop = work.silhouette, work.backdrop
    assert backdrop is not None
    if work.recipe.background == "white" and backdrop.kind in {"coloured", "dark", "cluttered"}:
        work.warn(
            "background_kept",
            f"The backdrop is {backdrop.kind} ({backdrop.reason}) and was kept; only a light, "
            "neutral, plain one can become white without changing the product's colours.",
        )
    if found is None:
        work.placement = place_whole(work.recipe, size)
        work.warn("subject_not_found", "No subject stands out; the whole picture was fitted.")
    else:
        work.placement = place_subject(
            found.box, work.recipe, cropped=found.cropped, source_size=size
        )
        warn_of_subject(work, found)
        fill = fill_of(work)
        if fill < AMAZON_FILL - _ROUNDING:
            work.warn(
                "fill_below_channel_rule",
                f"The subject fills {fill:.0%} of the frame; Amazon's main image needs at least "
                "85%. A margin of 7% meets it.",
            )
    tell_placement(work, work.placement)


def fill_of(work: Work) -> float:
    """The share of the canvas that the subject takes along the side where it takes most."""
    assert work.silhouette is not None
    assert work.placement is not None
    _, _, width, height = on_canvas(work.silhouette.box, work.placement)
    return max(width / work.recipe.width_px, height / work.recipe.height_px)
