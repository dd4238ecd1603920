"""The gain that turns a backdrop white, as one smooth map on the probe.

255 ÷ surface makes the backdrop white; a lift above 1 clips the noise where nothing but backdrop
is; a rise towards the ends of the photo and of the canvas fades shadows that they cut off; inside
the subject, its colours and its form hold. The map is never steep on the outline of the subject,
so there is no halo.
"""

import cv2
import numpy as np

from imaging.channels import lightness, strongest, tint
from imaging.work import Backdrop, Mask, Plane, Silhouette

# Everywhere, also on the product: what the fit and the rounding leave below white.
_EVEN_LIFT = 0.01
# Where only backdrop is, far from the subject: gone is all noise, dust and paper texture.
_FULL_LIFT = 0.30
# Probe pixels around the subject without lift, and over which the lift then grows.
_GUARD_PX = 1
_GROWTH_PX = 14
# Depths (shares of the backdrop's light) at which a shadow begins to show and is kept whole.
_SHADOW_DEPTHS = (0.015, 0.08)
# The subject's brightness from which it is bent, and the room left for what is brighter.
_BRIGHT, _ROOM = 0.86, 0.11
# A bright part of the mask is backdrop when more than this share of it is as light as that.
_BRIGHT_PART, _PLAIN_PART = 0.93, 0.6
# The spread of the channels, as a share of the strongest, from which a pixel counts as coloured,
# and from which it does so wholly.
_COLOURED = (0.06, 0.16)
# Width of the fade at an end, as a share of the source's shorter side; never as far as the subject.
_FADE = 0.06


def gain_map(
    probe: Plane, backdrop: Backdrop, silhouette: Silhouette, *, ends: dict[str, float]
) -> Plane:
    """The gain (h, w, 3) on the probe; ``ends`` are the columns and rows to fade out towards."""
    surface = backdrop.surface
    ratio = probe / surface
    light = lightness(ratio)
    noise = backdrop.sigma / 255
    solid = silhouette.mask & ~_holes(ratio, silhouette.mask, noise=noise)
    around = cv2.dilate(solid.astype(np.uint8), _disc(2 * _GUARD_PX + 1)) > 0
    shadow = _shadow(cv2.GaussianBlur(light, (0, 0), 1.6), around)
    kept = np.maximum(shadow, cv2.GaussianBlur(around.astype(np.float32), (0, 0), 1.0))
    distance = cv2.distanceTransform((kept < 0.05).astype(np.uint8), cv2.DIST_L2, 3)  # noqa: PLR2004
    growth = np.clip(distance / _GROWTH_PX, 0, 1)
    lift = _EVEN_LIFT + (1 - kept) * (4 * noise + _FULL_LIFT * growth)
    gain = _even_on_colours(255 / surface, ratio, solid)
    # The strongest channel decides, and the factor is one for all three: hues stay.
    bent = _highlights(strongest(probe * gain) / 255, solid)
    gain = gain * ((1 + lift) * bent)[..., None]
    if ends:
        gain = _faded(gain, probe, around, ends=ends)
    return gain.astype(np.float32)


def holes(probe: Plane, backdrop: Backdrop, silhouette: Silhouette) -> Mask:
    """Where the backdrop shows through the subject's mask, on the probe."""
    ratio = probe / backdrop.surface
    return _holes(ratio, silhouette.mask, noise=backdrop.sigma / 255)


def coloured(plane: Plane) -> Plane:
    """How much of a colour each pixel has, 0–1: (h, w, 3) to (h, w); 0 is grey, also to the eye."""
    low, high = _COLOURED
    spread = tint(plane) / np.maximum(strongest(plane), 1e-3)
    share = np.clip((spread - low) / (high - low), 0, 1)
    smooth: Plane = (share * share * (3 - 2 * share)).astype(np.float32)
    return smooth


def _holes(ratio: Plane, subject: Mask, *, noise: float) -> Mask:
    """Where the backdrop shows through the mask: a handle, leaves, the gap between two products.

    Every bright part is judged whole: the backdrop is nearly all as light as the backdrop, a white
    product is so only in places. It cannot be told pixel by pixel; but what has another colour is
    the product's, and so is what is clearly lighter than the backdrop, or a white chair would go
    with the gaps between its legs.
    """
    light, even = lightness(ratio), 0.02 + 2 * noise
    bright = subject & (light > _BRIGHT_PART) & (tint(ratio) < 5 * even)
    plain = bright & (np.abs(light - 1) < even)
    count, labels = cv2.connectedComponents(bright.astype(np.uint8), connectivity=4)
    share = np.bincount(labels[plain], minlength=count) / np.maximum(
        np.bincount(labels[bright], minlength=count), 1
    )
    lighter = (light > 1 + 2 * even).astype(np.uint8)
    holes: Mask = bright & (share > _PLAIN_PART)[labels] & (lighter == 0)
    return holes


def _even_on_colours(gain: Plane, ratio: Plane, subject: Mask) -> Plane:
    """Let the three channels of the gain be one where the product has a colour of its own.

    The backdrop's tint is taken from what is grey, as by a grey card: a white product is white. A
    colour would be turned by it, a pastel by 10 degrees under the largest tint. On the outline the
    gain stays the backdrop's, or a tinted rim would show.
    """
    inside = cv2.erode(subject.astype(np.uint8), _disc(3)).astype(np.float32)
    share = cv2.GaussianBlur(coloured(ratio) * inside, (0, 0), 1.0)[..., None]
    even: Plane = gain + share * (lightness(gain)[..., None] - gain)
    return even


def _highlights(light: Plane, subject: Mask) -> Plane:
    """The factor that keeps the subject's bright parts below white: their form and hue stay.

    A white product is as bright as its backdrop or brighter, and would be clipped with it. Its
    local brightness (share of the backdrop's) is bent below 0.97 from 0.86 on: 1.0 becomes 0.94.
    Only well inside the outline: on the outline it would draw a grey rim.
    """
    inside = cv2.erode(subject.astype(np.uint8), _disc(3)).astype(np.float32)
    weight = cv2.GaussianBlur(inside, (0, 0), 1.0)
    local = cv2.GaussianBlur(light * inside, (0, 0), 1.0) / np.maximum(weight, 0.05)
    over = np.maximum(local - _BRIGHT, 0)
    bent = np.minimum(local, _BRIGHT) + _ROOM * (1 - np.exp(-over / _ROOM))
    bend = np.where(over > 0, bent / np.maximum(local, _BRIGHT), 1)
    factor: Plane = 1 + inside * weight * (bend - 1)
    return factor


def _shadow(light: Plane, around: Mask) -> Plane:
    """How much of each pixel is the subject's shadow, 0–1: dark, soft and joined to it."""
    begins, whole = _SHADOW_DEPTHS
    depth = 1 - light
    joined = (depth > begins) | around
    _, labels = cv2.connectedComponents(joined.astype(np.uint8), connectivity=8)
    own = np.unique(labels[around])
    belongs = np.isin(labels, own[own > 0])
    step = np.clip((depth - begins) / (whole - begins), 0, 1) * belongs
    share: Plane = (step * step * (3 - 2 * step)).astype(np.float32)
    return share


def _faded(gain: Plane, probe: Plane, around: Mask, *, ends: dict[str, float]) -> Plane:
    """Let the gain rise to what makes each pixel white, towards the given ends.

    A shadow that goes on to an end would be cut straight there, which shows on any white page.
    """
    height, width = gain.shape[:2]
    share = np.zeros((height, width), np.float32)
    for side, end in ends.items():
        inward = np.arange(width, dtype=np.float32)[None, :] + 0.5
        if side in {"top", "bottom"}:
            inward = np.arange(height, dtype=np.float32)[:, None] + 0.5
        inward = inward - end if side in {"left", "top"} else end - inward
        inward = np.broadcast_to(inward, share.shape)
        room = float(inward[around].min()) if around.any() else float("inf")
        band = max(2.0, min(_FADE * min(height, width), room))
        near = np.clip(1.15 - inward / band, 0, 1)
        share = np.maximum(share, near * near * (3 - 2 * near))
    share[around] = 0
    darkest = cv2.erode(probe, _disc(3))
    white = np.maximum(gain, 255 / np.clip(darkest, 1, 255) * 1.1)
    rising: Plane = gain * (white / gain) ** share[..., None]
    return rising


def _disc(size: int) -> Mask:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
