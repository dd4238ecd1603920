"""Take a known backdrop out of pixels that were mixed with it, so that no rim of it is left."""

import cv2
import numpy as np

from imaging.work import Pixels

# Below this alpha a colour is rounding; it is taken from so many pixels around.
_LEAST_COVER, _REACH_PX = 0.1, 5
_BAND_PIXELS = 2_000_000


def unmixed_from_white(over_white: Pixels, cover: Pixels) -> Pixels:
    """The colours (h, w, 3) of a picture that was flattened over white by its alpha (h, w).

    Where next to nothing is, the colours around go on: white there would show as a rim.
    """
    unmixed = np.empty_like(over_white)
    height = over_white.shape[0]
    rows = max(16, _BAND_PIXELS // over_white.shape[1])
    for top in range(0, height, rows):
        wide = slice(max(0, top - _REACH_PX), min(height, top + rows + _REACH_PX))
        share = cover[wide, :, None].astype(np.float32) / 255
        premixed = over_white[wide] - 255 * (1 - share)
        box = (2 * _REACH_PX + 1,) * 2
        around = cv2.blur(premixed, box) / np.maximum(cv2.blur(share, box), 1e-3)[..., None]
        colours = np.where(share > _LEAST_COVER, premixed / np.maximum(share, 1e-3), around)
        inner = colours[top - wide.start : top - wide.start + rows]
        unmixed[top : top + rows] = np.clip(inner + 0.5, 0, 255).astype(np.uint8)
    return unmixed
