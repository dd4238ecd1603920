"""What a caller is told of how a subject was found and placed, whichever operation did it."""

from imaging.rendered import UNCERTAIN
from imaging.work import Placement, Silhouette, Work

_ENLARGED = 1.02


def warn_of_subject(work: Work, found: Silhouette) -> None:
    """Warn where the subject may be wrong or is cut off."""
    if found.confidence < UNCERTAIN:
        work.warn(
            "subject_uncertain",
            f"The subject's outline is not seen all around (confidence {found.confidence:g}); "
            "look whether it is framed whole and without its shadow.",
        )
    if found.cropped:
        work.warn(
            "subject_cropped",
            f"The subject reaches the {' and '.join(found.cropped)} of the photo; there it was "
            "laid on the canvas' edge without a margin.",
        )


def tell_placement(work: Work, placement: Placement) -> None:
    """Write the placement into the plan, and warn of a source that is too small for it."""
    found = work.silhouette
    width, height = work.header.width_px, work.header.height_px
    if placement.scale > _ENLARGED:
        work.warn(
            "upscaled",
            f"The picture was enlarged {placement.scale:.2g} times; a source of at least "
            f"{round(width * placement.scale)} × {round(height * placement.scale)} pixels "
            "would be sharp.",
        )
    work.plan["placement"] = {
        "scale": round(placement.scale, 6),
        "offset": [round(part, 2) for part in placement.offset],
        "cropped": list(found.cropped) if found is not None else [],
    }
