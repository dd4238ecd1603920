"""Take a cast shadow out of the subject's mask, where its outline gives it away.

A cast shadow with an outline of its own stops the flood of ``isolate``. Its inside looks like a
grey product: neutral, even, darker than the backdrop. The outline tells them apart: between a
shadow and the backdrop lies a penumbra almost everywhere, between a product and the backdrop
almost nowhere. On the real photos that this was tuned on (at a softness of 0.3), 0 to 21 % of a
shadow's outline was hard, and 38 to 100 % of a neutral product part's. A hard shadow in plain sun
cannot be told and stays, and a grey product whose shadow is as grey may lose or win a part; the
confidence says so.
"""

import cv2
import numpy as np

from imaging.penumbra import LEAST_REST, Parts, part
from imaging.work import Decoded, Mask, Plane, Silhouette, Work

# Looked at twice as fine as the probe, where an outline is steep and a penumbra is not.
_FINE = 2
_MARGIN = 6
# Fine pixels between the mask's outline and an edge of the picture that belongs to it.
_NEAR_PX = 3
# Of 480 synthetic photos, and of 24 real ones whose subject was found: see ``_confidence``.
_DOUBT = 4.5
_LARGEST_SHADOW = 0.4
_DOUBTFUL = 0.5


def drop_shadow(work: Work) -> None:
    """Remove the parts of ``silhouette.mask`` that are cast shadow; lower a doubtful confidence."""
    found, backdrop, decoded = work.silhouette, work.backdrop, work.decoded
    if found is None or backdrop is None or decoded is None or found.engine != "flatfield":
        return
    window = _window(found.mask)
    inside = found.mask[window]
    pixels = _fine(decoded, window, found.mask.shape)
    size = pixels.shape[1], pixels.shape[0]
    mask = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    surface = cv2.resize(np.ascontiguousarray(backdrop.surface[window]), size)
    frame = _frame(window, found.mask.shape, mask.shape)
    parts = part(pixels / surface, mask, backdrop, frame=frame)
    rest = _without_crumbs((mask > 0) & ~parts.dropped, parts)
    if parts.dropped.any() and rest.sum() >= LEAST_REST * mask.sum():
        coarse = cv2.resize(rest, inside.shape[::-1], interpolation=cv2.INTER_AREA) > 0
        kept = np.zeros_like(found.mask)
        kept[window] = coarse & inside
        found = work.silhouette = _with_mask(found, kept, work)
    left = cv2.resize(found.mask[window].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    found.confidence = round(found.confidence * _confidence(left, mask, parts, frame=frame), 2)


def _confidence(left: Mask, mask: Mask, parts: Parts, *, frame: Mask) -> float:
    """How far the outline of what is left can be believed, 0.1–1.

    Where a real product ends there is an edge, and nearly the whole outline of a well found one
    lies on edges: 95 to 100 % on real photos. A shadow that stayed, a part that was taken for
    shadow, or a white product that melts into its backdrop leaves an outline where nothing is: 48
    to 90 %. A pale subject that lost more than 40 % of itself to shadow is doubtful too.
    """
    outline = (left > 0) & (cv2.erode(left, np.ones((3, 3), np.uint8)) == 0) & ~frame
    reach = np.ones((2 * _NEAR_PX + 1, 2 * _NEAR_PX + 1), np.uint8)
    seen = cv2.dilate(parts.edges.astype(np.uint8), reach) > 0
    share = float(seen[outline].mean()) if outline.any() else 1.0
    belief = max(0.1, 1 - _DOUBT * (1 - share))
    is_halved = left.sum() < (1 - _LARGEST_SHADOW) * mask.sum()
    is_pale = bool(left.any()) and float(parts.pale[left > 0].mean()) > 0.5  # noqa: PLR2004
    return min(belief, _DOUBTFUL) if is_halved and is_pale else belief


def _window(mask: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, rows[0] - _MARGIN), min(mask.shape[0], rows[-1] + 1 + _MARGIN)),
        slice(max(0, columns[0] - _MARGIN), min(mask.shape[1], columns[-1] + 1 + _MARGIN)),
    )


def _fine(decoded: Decoded, window: tuple[slice, slice], shape: tuple[int, ...]) -> Plane:
    """The window's pixels at twice the probe's scale."""
    height, width = decoded.pixels.shape[:2]
    down, across = height / shape[0], width / shape[1]
    part = decoded.pixels[
        round(window[0].start * down) : round(window[0].stop * down),
        round(window[1].start * across) : round(window[1].stop * across),
    ]
    # Every n-th row is enough for a mean, as for the probe itself.
    part = part[:: max(1, int(down / _FINE / 3))]
    size = (
        (window[1].stop - window[1].start) * _FINE,
        (window[0].stop - window[0].start) * _FINE,
    )
    small = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA)
    fine: Plane = small.astype(np.float32)
    return fine


def _frame(window: tuple[slice, slice], shape: tuple[int, ...], size: tuple[int, ...]) -> Mask:
    """The pixels of the window that lie on the photo's own edge."""
    frame = np.zeros(size, bool)
    frame[0] |= window[0].start == 0
    frame[-1] |= window[0].stop == shape[0]
    frame[:, 0] |= window[1].start == 0
    frame[:, -1] |= window[1].stop == shape[1]
    return frame


def _without_crumbs(rest: Mask, parts: Parts) -> Mask:
    """What is left of the mask, without the thin remains of the outlines of dropped shadows.

    What is thin elsewhere (a strap, a stem) or has a colour stays, and so does what is hard beside
    the core: the product's own foot. A strap is judged whole, or it would be cut where it passes a
    shadow.
    """
    plain = rest.astype(np.uint8)
    core = cv2.morphologyEx(plain, cv2.MORPH_OPEN, _disc(15))
    foot = cv2.dilate(core, _disc(5)) & parts.hard.astype(np.uint8)
    far = 1 - cv2.dilate(parts.dropped.astype(np.uint8), _disc(31))
    coloured = cv2.morphologyEx(
        (~parts.rim).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
    )
    count, labels = cv2.connectedComponents(plain & (1 - (core | foot | coloured)))
    share = np.bincount(labels[far > 0], minlength=count) / np.bincount(
        labels.ravel(), minlength=count
    )
    left: Mask = plain & (core | foot | far | coloured | (share > 0.5)[labels])  # noqa: PLR2004
    return left


def _with_mask(found: Silhouette, mask: Mask, work: Work) -> Silhouette:
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    across, down = work.header.width_px / width, work.header.height_px / height
    left, right = int(columns[0]), int(columns[-1]) + 1
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    touched = {
        "left": left == 0,
        "right": right == width,
        "top": top == 0,
        "bottom": bottom == height,
    }
    return Silhouette(
        mask=mask,
        box=(left * across, top * down, (right - left) * across, (bottom - top) * down),
        confidence=found.confidence,
        engine=found.engine,
        cropped=tuple(side for side in found.cropped if touched[side]),
    )


def _disc(size: int) -> Mask:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
