"""Find the light that falls on the backdrop: a smooth surface through all that is no product.

A robust cubic per channel, fitted to the pixels that hang together with the rim. It decides whether
the backdrop can become white by a gain (light, near-neutral, plain) or has to be kept.
"""

import cv2
import numpy as np

from imaging.channels import strongest
from imaging.work import Backdrop, BackdropKind, Mask, Plane, Work

# A gain beyond these destroys colours: on real photos the unlimited gain turned a purple backdrop
# by 1.8/4.0/1.6 and a black bicycle white.
LARGEST_GAIN = 1.7
LARGEST_TINT = 0.10
LARGEST_SIGMA = 6.0
# Below this share of explained rim there is no one backdrop to speak of.
LEAST_COVERAGE = 0.4
_RIM_SHARE = 0.04
_ALPHA_OPAQUE = 250.0
_LEAST_TRANSPARENT = 0.005


def find_backdrop(work: Work) -> None:
    """Fill ``backdrop``; a picture with transparency needs no surface, its alpha says it all."""
    probe = work.probe
    assert probe is not None
    alpha = work.probe_alpha
    if alpha is not None and float((alpha < _ALPHA_OPAQUE).mean()) > _LEAST_TRANSPARENT:
        white = np.full_like(probe, 255.0)
        work.backdrop = Backdrop(white, alpha < 1, sigma=0.0, coverage=1.0, kind="transparent")
    else:
        work.backdrop = fit(probe)
    backdrop = work.backdrop
    work.plan["backdrop"] = {
        "kind": backdrop.kind,
        "reason": backdrop.reason,
        "sigma": round(backdrop.sigma, 2),
        "coverage": round(backdrop.coverage, 3),
        "colour": [round(float(c)) for c in _typical(backdrop)],
    }


def level_backdrop(work: Work) -> None:
    """Let the surface follow the real backdrop where the subject, now known, does not stand."""
    backdrop, probe, found = work.backdrop, work.probe, work.silhouette
    assert backdrop is not None
    assert probe is not None
    if backdrop.kind in {"transparent", "cluttered"}:
        return
    mask = found.mask if found is not None else ~backdrop.mask
    around = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    backdrop.surface = level(probe, backdrop.surface, around)


def fit(probe: Plane) -> Backdrop:
    """Fit the surface to a probe (h, w, 3) and judge what can be done with it.

    It is fitted at half the probe's scale, where ten coefficients are known as well, in a quarter
    of the time (16 instead of 39 ms).
    """
    height, width = probe.shape[:2]
    half = max(1, width // 2), max(1, height // 2)
    small = cv2.resize(probe, half, interpolation=cv2.INTER_AREA)
    rim = _rim(half[1], half[0])
    mask = _connected(strongest(np.abs(small - _rim_colour(small[rim]))) < 30, rim)  # noqa: PLR2004
    surface, sigma = np.broadcast_to(small.mean(axis=(0, 1)), small.shape), 99.0
    for degree in (1, 2, 3, 3, 3):
        if mask.sum() < 50:  # noqa: PLR2004 - too few to carry ten coefficients
            break
        surface = _surface(small, mask, degree)
        residual = strongest(np.abs(small - surface))
        sigma = float(np.median(residual[mask])) + 0.6
        mask = _connected(residual < max(3 * sigma, 4.0), rim)
    smooth = cv2.resize(surface.astype(np.float32), (width, height))
    smooth = np.clip(smooth, 1, 255)
    full = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    backdrop = Backdrop(smooth, full, sigma, float(mask[rim].mean()), kind="white")
    if full.any():
        levels = smooth[full]
        backdrop.tint = float(np.median(levels.max(axis=1) / levels.min(axis=1))) - 1
    backdrop.kind, backdrop.reason = _judge(backdrop)
    return backdrop


def level(probe: Plane, surface: Plane, around: Mask) -> Plane:
    """Correct a surface by what a cubic cannot follow: a wall's end, a fold, a vignette.

    Only pixels that are near the surface and not ``around`` the subject correct it.
    """
    height, width = probe.shape[:2]
    half = max(1, width // 2), max(1, height // 2)
    ratio = cv2.resize(probe / surface, half, interpolation=cv2.INTER_AREA)
    near = cv2.resize((~around).astype(np.float32), half, interpolation=cv2.INTER_AREA)
    weight = (strongest(np.abs(ratio - 1)) < 0.12) * near  # noqa: PLR2004
    reach = 0.05 * max(half)
    # A little of the cubic is always in it, which decides alone where nothing is near.
    total = cv2.GaussianBlur(weight, (0, 0), reach)[..., None] + 0.02
    off = cv2.GaussianBlur((ratio - 1) * weight[..., None], (0, 0), reach) / total
    corrected: Plane = np.clip(surface * (1 + cv2.resize(off, (width, height))), 1, 255)
    return corrected


def _rim(height: int, width: int) -> Mask:
    thickness = max(1, round(min(height, width) * _RIM_SHARE))
    rim = np.ones((height, width), bool)
    rim[thickness:-thickness, thickness:-thickness] = False
    return rim


def _rim_colour(rim: Plane) -> Plane:
    """The colour that most of the rim is near to, even where a product crosses the rim."""
    keys, counts = np.unique((rim // 16).astype(np.int32) @ [256, 16, 1], return_counts=True)
    centres = np.stack([keys // 256, keys // 16 % 16, keys % 16], axis=1) * 16 + 8.0
    # Neighbouring cells only: further, a cell between backdrop and shadow would win with both.
    near = np.abs(centres[:, None] - centres[None]).max(axis=2) <= 16  # noqa: PLR2004
    centre = centres[(near * counts).sum(axis=1).argmax()]
    members = rim[np.abs(rim - centre).max(axis=1) <= 28]  # noqa: PLR2004
    return np.median(members if len(members) else rim, axis=0)


def _connected(mask: Mask, rim: Mask) -> Mask:
    """The parts of a mask that hang together with at least 2 % of the rim."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    touching = np.bincount(labels[rim], minlength=count)
    touching[0] = 0
    kept: Mask = (touching > 0.02 * rim.sum())[labels]
    return kept


def _surface(probe: Plane, mask: Mask, degree: int) -> Plane:
    height, width = mask.shape
    basis = _basis(height, width, degree)
    chosen = np.flatnonzero(mask)
    chosen = chosen[:: len(chosen) // 6000 + 1]
    rows = basis[chosen]
    # The ridge keeps a surface that hangs on one side of the frame from flying off at the other.
    ridge = 1e-3 * np.eye(basis.shape[1], dtype=np.float32)
    levels = probe.reshape(-1, 3)[chosen]
    coefficients = np.linalg.solve(rows.T @ rows + ridge, rows.T @ levels)
    return (basis @ coefficients).reshape(height, width, 3)


def _basis(height: int, width: int, degree: int) -> Plane:
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    terms = [np.broadcast_to(x**i * y**j, (height, width)) for i, j in powers]
    return np.stack(terms, axis=-1).reshape(height * width, -1)


def _typical(backdrop: Backdrop) -> Plane:
    levels = backdrop.surface[backdrop.mask] if backdrop.mask.any() else backdrop.surface
    typical: Plane = np.median(levels.reshape(-1, 3), axis=0)
    return typical


def _judge(backdrop: Backdrop) -> tuple[BackdropKind, str]:
    """Say what kind of backdrop it is, and why it cannot become white if it cannot."""
    if backdrop.sigma > LARGEST_SIGMA:
        return "cluttered", f"it deviates by {backdrop.sigma:.0f} levels from a plain surface"
    if backdrop.coverage < LEAST_COVERAGE:
        return "cluttered", f"only {backdrop.coverage:.0%} of the rim shows one plain backdrop"
    levels = backdrop.surface[backdrop.mask]
    # The darkest twentieth decides, not the mean: the gain is largest there.
    gains = 255 / np.percentile(levels, 5, axis=0)
    tint = backdrop.tint
    if tint > LARGEST_TINT:
        told = f"{tint:.0%}" if tint <= 1 else "more than 100%"
        return "coloured", f"its channels differ by {told}; up to {LARGEST_TINT:.0%} is neutral"
    if float(gains.max()) > LARGEST_GAIN:
        return "dark", f"it would have to be lightened {gains.max():.1f} times"
    return "white", ""
