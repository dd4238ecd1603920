"""Place the subject on the canvas, and tell what a buyer or a channel would notice about it."""

from imaging.plan import on_canvas, place_subject, place_whole
from imaging.work import Work

# Amazon's main image: "the product must fill 85% or more of the image"
# (https://sellercentral.amazon.com/help/hub/reference/external/G1881, read 2026-11).
AMAZON_FILL = 0.85
# Half a pixel of 2000 is rounding, not a broken rule.
_ROUNDING = 0.0005
_ENLARGED = 1.02
# Below it the box is worth a look: 47 of 50 wrong boxes of 780 synthetic photos, and 65 right ones.
_UNCERTAIN = 0.6


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
        if found.confidence < _UNCERTAIN:
            work.warn(
                "subject_uncertain",
                f"The subject's outline is not seen all around (confidence {found.confidence:g}); "
                "look whether it is framed whole and without its shadow.",
            )
        if found.cropped:
            _warn_cropped(work, found.cropped)
        fill = fill_of(work)
        if fill < AMAZON_FILL - _ROUNDING:
            work.warn(
                "fill_below_channel_rule",
                f"The subject fills {fill:.0%} of the frame; Amazon's main image needs at least "
                "85%. A margin of 0.07 meets it.",
            )
    placement = work.placement
    if placement.scale > _ENLARGED:
        work.warn(
            "upscaled",
            f"The picture was enlarged {placement.scale:.2g} times; a source of at least "
            f"{round(size[0] * placement.scale)} × {round(size[1] * placement.scale)} pixels "
            "would be sharp.",
        )
    work.plan["placement"] = {
        "scale": round(placement.scale, 6),
        "offset": [round(part, 2) for part in placement.offset],
        "cropped": list(found.cropped) if found is not None else [],
    }


def fill_of(work: Work) -> float:
    """The share of the canvas that the subject takes along the side where it takes most."""
    assert work.silhouette is not None
    assert work.placement is not None
    _, _, width, height = on_canvas(work.silhouette.box, work.placement)
    return max(width / work.recipe.width_px, height / work.recipe.height_px)


def _warn_cropped(work: Work, cropped: tuple[str, ...]) -> None:
    sides = " and ".join(cropped)
    work.warn(
        "subject_cropped",
        f"The subject reaches the {sides} of the photo; there it was laid on the canvas' edge "
        "without a margin.",
    )
