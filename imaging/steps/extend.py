"""Extend a backdrop that is kept beyond the ends of the photo, by its own light.

A coloured sweep with white bars glued to it looks like a fault. The fitted surface goes on where
the photo ends, and the photo fades into it, so that no edge shows.
"""

import numpy as np

from imaging.bands import bands
from imaging.plan import on_canvas
from imaging.work import Plane, Work

# The fade at an end of the photo, as a share of the canvas' longer side; less near the subject.
_FADE = 0.06
_SUBJECT_ROOM = 0.8


def extend(work: Work) -> None:
    """Fill the canvas beyond the photo where a plain backdrop was kept."""
    backdrop = work.backdrop
    assert backdrop is not None
    whitened = backdrop.kind == "white" and "white" in work.plan
    if whitened or backdrop.kind in {"transparent", "cluttered"}:
        return
    across, down = _shares(work)
    if across.min() == 1 and down.min() == 1:
        return
    for top, band, surface in bands(backdrop.surface, work):
        share = (down[top : top + len(band), None] * across[None, :])[..., None]
        blended = band * share + surface * (1 - share)
        band[:] = np.clip(blended + 0.5, 0, 255).astype(np.uint8)
    work.plan["extended"] = True


def _shares(work: Work) -> tuple[Plane, Plane]:
    """The photo's share of each column and row of the canvas: 1 inside, fading to 0 at its ends."""
    left, top, width, height = work.facts["window"]
    room = _room(work)
    longest = max(work.recipe.width_px, work.recipe.height_px)
    columns = _share(work.recipe.width_px, left, left + width, room=room[:2], longest=longest)
    rows = _share(work.recipe.height_px, top, top + height, room=room[2:], longest=longest)
    return columns, rows


def _share(length: int, first: int, last: int, *, room: tuple[float, ...], longest: int) -> Plane:
    at = np.arange(length, dtype=np.float32) + 0.5
    share = np.ones(length, np.float32)
    for is_inside, distance, space in (
        (first > 0, at - first, room[0]),
        (last < length, last - at, room[1]),
    ):
        if is_inside:
            fade = max(1.0, min(_FADE * longest, space))
            part = np.clip(distance / fade, 0, 1)
            share *= part * part * (3 - 2 * part)
    return share


def _room(work: Work) -> tuple[float, float, float, float]:
    """Canvas pixels between the subject and the photo's left, right, top and bottom end."""
    left, top, width, height = work.facts["window"]
    if work.silhouette is None or work.placement is None:
        return (float("inf"),) * 4
    x, y, across, down = on_canvas(work.silhouette.box, work.placement)
    ends = x - left, left + width - x - across, y - top, top + height - y - down
    return tuple(_SUBJECT_ROOM * max(0.0, end) for end in ends)
