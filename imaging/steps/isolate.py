"""Tell the subject from its backdrop and from its own shadow, on the probe.

The backdrop is flooded from the frame inwards. The flood passes what a shadow passes: darker, of
nearly the backdrop's hue, and soft. A shadow's slope is small against its own depth (it decays
over at least 2 % of the frame); a product's outline is steep against its depth even when it is
faint, so that white on white still stops the flood. What the flood cannot reach is the subject,
with everything inside its outline.
"""

import cv2
import numpy as np

from imaging.channels import lightness, strongest, tint
from imaging.rendered import Engine
from imaging.work import Backdrop, Mask, Plane, Silhouette, Work

# Slope per probe pixel that a shadow may have at depth d: g0 + min(d * _SOFTNESS, _STEEPEST).
_SOFTNESS = 0.06
_STEEPEST = 0.02
_FAINTEST_SLOPE = 0.008
# Evidence that something is there at all: deviation from the surface, as a share of it.
_FAINTEST_SUBJECT = 0.05
# How far from the surface plain backdrop may be.
_PLAIN = 0.04
# Smaller parts than this share of the largest are specks, not a second product.
_SPECK = 0.01
_FULL_ALPHA = 128.0
# Cut off at more sides, it is a scene.
_MOST_CUTS = 2
# Deviation below which a part at the frame is another light, not a thing.
_FAINT_END = 0.2
# The share of its length along which a cable or a strap may meet the frame.
_CABLE_CONTACT = 0.25
# A "subject" over more of a side of the frame is furniture, a floor or a wall.
_WIDEST_CONTACT = 0.6
# Added to levels before they are divided, so that noise on a black backdrop stays noise.
_TOE = 12.0
_SQUARE = np.ones((3, 3), np.uint8)


def isolate(work: Work) -> None:
    """Fill ``silhouette``, or leave it None where no subject stands out."""
    backdrop, probe = work.backdrop, work.probe
    assert backdrop is not None
    assert probe is not None
    if backdrop.kind == "cluttered":
        return
    alpha = work.probe_alpha
    if backdrop.kind == "transparent" and alpha is not None:
        # A shadow in a cut-out is half transparent; the subject is what is mostly there.
        mask = alpha >= min(_FULL_ALPHA, float(alpha.max()) / 2)
        mask &= alpha > 0
        confidence = 1.0
    else:
        mask, confidence = _flooded(probe, backdrop)
    if mask.any():
        box, cropped = _bounds(mask, work)
        engine: Engine = "alpha" if backdrop.kind == "transparent" else "flatfield"
        work.silhouette = Silhouette(mask, box, confidence, engine, cropped)


def reject_clutter(work: Work) -> None:
    """Give up a subject that covers a side of the frame: it is furniture, a floor or a wall.

    Faint parts at the frame that hang on nothing (a corner in another light) are dropped first.
    """
    found, backdrop, probe = work.silhouette, work.backdrop, work.probe
    if found is None or backdrop is None or probe is None or backdrop.kind == "transparent":
        return
    mask = _without_faint_ends(found.mask, strongest(np.abs(probe / backdrop.surface - 1)))
    if mask.sum() < found.mask.sum():
        box, cropped = _bounds(mask, work)
        found.mask, found.box, found.cropped = mask, box, cropped
    widest = max(float(side.mean()) for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    if widest > _WIDEST_CONTACT or len(found.cropped) > _MOST_CUTS:
        backdrop.kind = "cluttered"
        backdrop.reason = f"something covers up to {widest:.0%} of the sides of the frame"
        work.silhouette = None


def _without_faint_ends(mask: Mask, deviation: Plane) -> Mask:
    """Drop what is faint and lies along the frame; what reaches far in from one side is a cable."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    sides = labels[0], labels[-1], labels[:, 0], labels[:, -1]
    contacts = np.stack([np.bincount(side, minlength=count) for side in sides])
    length = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    total = np.bincount(labels.ravel(), weights=deviation.ravel(), minlength=count)
    area = stats[:, cv2.CC_STAT_AREA]
    contact = contacts.sum(axis=0)
    cable = (contact <= _CABLE_CONTACT * length) & ((contacts > 0).sum(axis=0) == 1)
    # Where the mask covers the whole picture, the ground that counts as part 0 has no pixels.
    dropped = (contact > 0) & ~cable & (total < _FAINT_END * area)
    dropped[[0, 1 + int(area[1:].argmax())] if count > 1 else [0]] = False
    kept: Mask = mask & ~dropped[labels]
    return kept


def _flooded(probe: Plane, backdrop: Backdrop) -> tuple[Mask, float]:
    ratio = (probe + _TOE) / (backdrop.surface + _TOE)
    light = lightness(ratio)
    noise = backdrop.sigma / (float(backdrop.surface.mean()) + _TOE)
    slope = _slope(light)
    usual_slope = float(np.median(slope[backdrop.mask])) if backdrop.mask.any() else 0.0
    reached = _flood(
        _is_passable(
            ratio, light, slope=slope, usual_slope=usual_slope, noise=noise, cast=backdrop.tint
        )
    )
    subject = _opened((~reached).astype(np.uint8))
    deviation = cv2.GaussianBlur(strongest(np.abs(ratio - 1)), (0, 0), 0.8)
    subject = _without_threads(subject, light, noise=noise)
    return _without_specks(subject, deviation, noise=noise)


def _opened(mask: Mask) -> Mask:
    """The mask without what is one pixel thin.

    Each half with its own anchor: OpenCV's opening by an even square moves the mask by a pixel.
    """
    square = np.ones((2, 2), np.uint8)
    opened: Mask = cv2.dilate(cv2.erode(mask, square, anchor=(0, 0)), square, anchor=(1, 1))
    return opened


def _slope(light: Plane) -> Plane:
    soft = cv2.GaussianBlur(light, (0, 0), 0.6)
    x, y = (cv2.Scharr(soft, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    slope: Plane = np.hypot(x, y) / 32
    return slope


def _is_passable(
    ratio: Plane, light: Plane, *, slope: Plane, usual_slope: float, noise: float, cast: float
) -> Mask:
    depth = np.clip(1 - light, 0, 1)
    soft = cv2.GaussianBlur(ratio, (0, 0), 0.6)
    faintest = max(_FAINTEST_SLOPE, 4 * usual_slope)
    passable: Mask = slope < faintest + np.minimum(_SOFTNESS * depth, _STEEPEST)
    # The light that fills a shadow has a colour of its own, the more so the deeper the shadow and
    # the more colourful the backdrop that throws it.
    passable &= tint(soft) < 0.04 + (0.10 + 0.3 * cast) * depth + 2.5 * noise
    passable &= np.abs(light - 1) < _PLAIN + 3 * noise
    return passable


def _flood(passable: Mask) -> Mask:
    """What can be reached from outside the frame through channels at least 3 pixels wide.

    Narrower channels are gaps in an outline, through which the flood would fill the product.
    """
    framed = cv2.copyMakeBorder(
        passable.astype(np.uint8), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=[1]
    )
    _, labels = cv2.connectedComponents(cv2.erode(framed, _SQUARE), connectivity=4)
    water = (labels == labels[0, 0]).astype(np.uint8)
    reached = cv2.bitwise_and(cv2.dilate(water, _SQUARE), framed)
    inside: Mask = reached[2:-2, 2:-2] > 0
    return inside


def _without_threads(subject: Mask, light: Plane, *, noise: float) -> Mask:
    """Drop thin tails that are one-sided steps (a shadow's rim, a horizon), keep ridges (a cable).

    A ridge answers to a top-hat filter, a step does not.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    core = cv2.morphologyEx(subject, cv2.MORPH_OPEN, disc)
    thin = subject & (1 - cv2.dilate(core, disc))
    count, labels = cv2.connectedComponents(thin, connectivity=8)
    if count == 1:
        return subject > 0
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    ridge = np.maximum(
        cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, wide),
        cv2.morphologyEx(light, cv2.MORPH_TOPHAT, wide),
    )
    height = np.bincount(labels.ravel(), weights=ridge.ravel(), minlength=count)
    area = np.bincount(labels.ravel(), minlength=count)
    dropped = height / area < max(0.03, 4 * noise)
    dropped[0] = False
    kept: Mask = (subject > 0) & ~dropped[labels]
    return kept


def _without_specks(subject: Mask, deviation: Plane, *, noise: float) -> tuple[Mask, float]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(subject.astype(np.uint8))
    strongest = np.zeros(count)
    np.maximum.at(strongest, labels.ravel().astype(np.intp), deviation.ravel())
    weight = stats[:, cv2.CC_STAT_AREA] * np.minimum(strongest, 0.5)
    kept = strongest > max(_FAINTEST_SUBJECT, 5 * noise)
    kept[0] = False
    if not kept.any():
        return np.zeros_like(subject), 0.0
    kept &= weight > _SPECK * weight[kept].max()
    mask: Mask = kept[labels]
    contrast = float(np.median(deviation[mask]))
    confidence = min(1.0, 0.5 + contrast / max(0.02, 12 * noise) / 2)
    return mask, round(confidence, 2)


def _bounds(mask: Mask, work: Work) -> tuple[tuple[float, float, float, float], tuple[str, ...]]:
    """The mask's box in source pixels, and the sides at which the frame cuts it."""
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    across, down = work.header.width_px / width, work.header.height_px / height
    left, right = int(columns[0]), int(columns[-1]) + 1
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    ends = {"left": left == 0, "right": right == width, "top": top == 0, "bottom": bottom == height}
    box = (left * across, top * down, (right - left) * across, (bottom - top) * down)
    return box, tuple(side for side, is_cut in ends.items() if is_cut)
