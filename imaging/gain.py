"""The gain that turns a backdrop white, as one smooth map on the probe.

255 ÷ surface makes the backdrop white; a lift above 1 clips the noise where nothing but backdrop
is; a rise towards the ends of the photo and of the canvas fades shadows that they cut off; inside
the subject, its colours and its form hold. The map is never steep on the outline of the subject,
so there is no halo.
"""

import cv2
import numpy as np

from imaging.channels import lightness, strongest, tint
from imaging.holes import holes
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
# The spread of the channels, as a share of the strongest, from which a pixel counts as coloured,
# and from which it does so wholly.
_COLOURED = (0.06, 0.16)
# The same of a product's share of the backdrop's colour: cream paper on a grey wall is 2 % apart.
_OWN_COLOUR = (0.01, 0.03)
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
    solid = silhouette.mask & ~holes(probe, backdrop, silhouette)
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


def coloured(plane: Plane, ends: tuple[float, float] = _COLOURED) -> Plane:
    """How much of a colour each pixel has, 0–1: (h, w, 3) to (h, w); 0 is grey, also to the eye.

    ``ends`` are the spreads of the channels, as shares of the strongest, at which it is 0 and 1.
    """
    low, high = ends
    spread = tint(plane) / np.maximum(strongest(plane), 1e-3)
    share = np.clip((spread - low) / (high - low), 0, 1)
    smooth: Plane = (share * share * (3 - 2 * share)).astype(np.float32)
    return smooth


def _even_on_colours(gain: Plane, ratio: Plane, subject: Mask) -> Plane:
    """Let the three channels of the gain be one where the product has a colour of its own.

    The backdrop's tint is taken from what is grey, as by a grey card: a white product is white. A
    colour would be turned by it, a pastel by 10 degrees under the largest tint. On the outline the
    gain stays the backdrop's, or a tinted rim would show.
    """
    inside = cv2.erode(subject.astype(np.uint8), _disc(3)).astype(np.float32)
    calm = cv2.GaussianBlur(ratio, (0, 0), 1.0)  # or noise would be a colour
    share = cv2.GaussianBlur(coloured(calm, _OWN_COLOUR) * inside, (0, 0), 1.0)[..., None]
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
