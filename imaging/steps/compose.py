"""Lay the subject and its shadow over a scenery, in linear light."""

from dataclasses import dataclass

import numpy as np

from imaging.bands import over_rows
from imaging.lighting import Light, Shadow
from imaging.linear import light_of, light_of_colour, values_of
from imaging.scenery import Scenery
from imaging.shadows import shadow_of
from imaging.work import Pixels, Plane, Work

_BAND_ROWS = 256
# Less shadow than this changes no level.
_FAINTEST = 1e-3


@dataclass(frozen=True, slots=True)
class Setting:
    """What a subject is laid over and how it is lit.

    ``is_even`` says that the scenery is of one colour; anything else gets half a level of grain,
    without which eight bits show as bands. ``exposure`` is in stops.
    """

    scenery: Scenery
    shadow: Shadow
    light: Light
    is_even: bool = False
    exposure: float = 0.0


def compose(work: Work, setting: Setting) -> None:
    """Fill ``canvas`` with the scenery, the shadow and, where there is a ``cover``, the subject."""
    width, height = work.recipe.width_px, work.recipe.height_px
    cover = work.cover if work.cover is not None else np.zeros((height, width), np.uint8)
    subject = work.canvas
    canvas = subject if subject is not None else np.empty((height, width, 3), np.uint8)
    cropped = work.silhouette.cropped if work.silhouette is not None else ()
    shadow = shadow_of(cover, setting.shadow, setting.light, cropped=cropped)
    for top in range(0, height, _BAND_ROWS):
        work.clock.left_s()
        rows = slice(top, min(height, top + _BAND_ROWS))
        shade = over_rows(shadow, rows, (width, height)) * setting.shadow.opacity
        behind = _shaded(setting, rows, shade)
        values = values_of(behind) + _grain(setting, shade, top)
        seen = cover[rows] > 0
        if subject is not None and seen.any():
            own = _exposed(light_of(subject[rows][seen]), setting.exposure)
            share = (cover[rows][seen].astype(np.float32) / 255)[:, None]
            values[seen] = values_of(behind[seen] + share * (own - behind[seen]))
        canvas[rows] = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    work.canvas = canvas


def _shaded(setting: Setting, rows: slice, shade: Plane) -> Plane:
    behind = setting.scenery(rows)
    if shade.max() < _FAINTEST:
        return behind
    left = light_of_colour(setting.shadow.colour)
    shaded: Plane = behind + shade[..., None] * (left - behind)
    return shaded


def _grain(setting: Setting, shade: Plane, top: int) -> Plane:
    """Half a level of noise, the same in all channels, where levels change slowly."""
    noise = np.random.default_rng(top).random(shade.shape, np.float32) - np.float32(0.5)
    if setting.is_even:
        noise *= shade > _FAINTEST
    grain: Plane = noise[..., None]
    return grain


def _exposed(light: Plane, stops: float) -> Plane:
    """The light after so many stops; bright parts come near to white and keep hue and form."""
    if stops == 0:
        return light
    gain = np.float32(2.0**stops)
    if stops < 0:
        darker: Plane = light * gain
        return darker
    most = np.clip(light.max(axis=-1, keepdims=True), 1e-4, 1)
    lifted: Plane = light * ((1 - (1 - most) ** gain) / most)
    return lifted


def paint(work: Work, scenery: Scenery, *, is_even: bool) -> Pixels:
    """The scenery alone, as ``canvas``."""
    compose(work, Setting(scenery, Shadow("none"), Light(), is_even=is_even))
    assert work.canvas is not None
    return work.canvas
