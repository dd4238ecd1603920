"""Place a subject that will be cut out: in the frame it has, or in the room of a recipe."""

from domain.errors import InvalidImage
from imaging.notices import tell_placement, warn_of_subject
from imaging.plan import place_subject, place_whole
from imaging.work import Silhouette, Work

_SEPARABLE = (
    "Send a cut-out (PNG or WebP with transparency) or a photo on a plain backdrop{or_else}."
)


def place_in_its_frame(work: Work) -> None:
    """Fill ``placement`` with the whole picture as it is framed; raises InvalidImage as below."""
    found = _required_subject(work, or_else="")
    warn_of_subject(work, found)
    work.placement = place_whole(work.recipe, (work.header.width_px, work.header.height_px))
    tell_placement(work, work.placement)


def place_in_room(work: Work) -> None:
    """Fill ``placement`` with the subject in the recipe's room.

    Raises InvalidImage ``subject_not_found`` where nothing can be told from its backdrop.
    """
    found = _required_subject(work, or_else=", or ask for composite=false")
    warn_of_subject(work, found)
    size = work.header.width_px, work.header.height_px
    work.placement = place_subject(found.box, work.recipe, cropped=found.cropped, source_size=size)
    tell_placement(work, work.placement)


def _required_subject(work: Work, *, or_else: str) -> Silhouette:
    found, backdrop = work.silhouette, work.backdrop
    assert backdrop is not None
    if found is not None:
        return found
    why = f"the backdrop is {backdrop.kind}" + (f": {backdrop.reason}" if backdrop.reason else "")
    raise InvalidImage(
        "subject_not_found",
        f"No subject can be told from its backdrop ({why}).",
        param="image",
        fix=_SEPARABLE.format(or_else=or_else),
    )
