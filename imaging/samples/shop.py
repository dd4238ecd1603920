"""The twelve listings of the demo shop: seven break one rule each for Amazon's main image.

The rules that are meant: a pure white backdrop, at least 500 pixels, 85 % of the frame filled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from imaging.samples import others, turnery
from imaging.samples.stage import Draw, Drawn, Scene, draw

QUALITY = 88
FILL = 0.885
LEAST_DRAWN_PX = 1200  # a smaller picture is drawn larger and reduced
WHITE = Scene()
FRAME_SHARE = 0.012
FRAME = (38, 60, 72)


@dataclass(frozen=True, slots=True)
class Listing:
    """One product of the shop. ``fault`` names what is wrong with its main image; None: nothing.

    ``near`` is the corner, in shares of the frame, of the half that the second picture shows.
    """

    sku: str
    title: str
    alt: str
    product: Draw
    scene: Scene = WHITE
    fill: float = FILL
    side_px: int = 1600
    fault: str | None = None
    near: tuple[float, float] = (0.25, 0.30)

    def drawn(self) -> tuple[Drawn, Drawn]:
        """The main image, and the product from near, which no rule of a main image concerns."""
        side_px = max(self.side_px, LEAST_DRAWN_PX)
        seed = sum(self.sku.encode())
        made = draw(self.product, self.scene, side_px=side_px, fill=self.fill, seed=seed)
        near = _near(made, self.near)
        if self.fault == "border":
            _frame(made)
        return (made if side_px == self.side_px else _reduced(made, self.side_px)), near


def listings() -> Iterator[Listing]:
    """Yield the shop's listings, by SKU."""
    yield from _LISTINGS


def _near(made: Drawn, corner: tuple[float, float]) -> Drawn:
    side = made.pixels.shape[0]
    left, top, half = round(corner[0] * side), round(corner[1] * side), side // 2
    part = made.pixels[top : top + half, left : left + half].copy()
    return Drawn(part, (0.0, 0.0, float(half), float(half)))


def _frame(made: Drawn) -> None:
    side = made.pixels.shape[0]
    width = round(FRAME_SHARE * side)
    outer = np.ones(made.pixels.shape[:2], bool)
    outer[width : side - width, width : side - width] = False
    made.pixels[outer] = FRAME


def _reduced(made: Drawn, side_px: int) -> Drawn:
    ratio = side_px / made.pixels.shape[0]
    small = cv2.resize(made.pixels, (side_px, side_px), interpolation=cv2.INTER_AREA)
    left, top, width, height = (value * ratio for value in made.box)
    return Drawn(small.astype(np.uint8), (left, top, width, height))


_LISTINGS = (
    Listing(
        "BAG-TOTE-NAT",
        "Canvas tote bag, natural, two handles",
        "A canvas tote bag",
        partial(others.bag, cloth=(222, 208, 180), name="verde"),
        side_px=1200,
        scene=Scene((236, 178, 150), falloff=0.02, shadow=0.8, grain=0.6),
        fault="coloured_backdrop",
    ),
    Listing(
        "BALL-BEACH-40",
        "Beach ball, red and white, 40 cm",
        "A beach ball in red and white",
        partial(others.ball, colours=((220, 64, 58), (246, 242, 232))),
    ),
    Listing(
        "BOTTLE-AMBER-300",
        "Body oil in an amber bottle, 300 ml",
        "An amber glass bottle with a cream cap",
        partial(
            turnery.bottle, glass=(146, 84, 34), cap=(232, 224, 208), text=("SOLEIL", "body oil")
        ),
        side_px=400,
        fault="too_small",
    ),
    Listing(
        "BOTTLE-GREEN-300",
        "Hand & body wash, 300 ml, glass bottle",
        "A green glass bottle with a black cap",
        partial(
            turnery.bottle, glass=(38, 84, 74), cap=(34, 34, 36), text=("FJORD", "hand & body wash")
        ),
    ),
    Listing(
        "CANDLE-CEDAR-220",
        "Scented candle, cedar, 220 g",
        "A candle in a brown tumbler",
        partial(turnery.candle, wax=(240, 228, 206), glass=(96, 74, 66), name="Cedar"),
        side_px=1200,
        scene=Scene((250, 243, 230), falloff=0.03, shadow=0.7, grain=0.6),
        fault="tinted_backdrop",
    ),
    Listing(
        "GRANOLA-HONEY-400",
        "Granola with oats, hazelnut and honey, 400 g",
        "An orange carton of granola",
        partial(others.box, paint=(206, 92, 62), name="Morgen"),
    ),
    Listing(
        "JAR-CREAM-50",
        "Day cream in an opal jar, 50 ml",
        "A white jar with a copper lid",
        partial(turnery.jar, body=(232, 222, 212), lid=(190, 146, 110), name="alba"),
    ),
    Listing(
        "LAMP-LINEN-BRASS",
        "Table lamp, linen shade, brass foot",
        "A table lamp with a linen shade",
        partial(turnery.lamp, shade=(226, 208, 178), metal=(190, 150, 88)),
        side_px=1200,
        fill=0.5,
        fault="small_in_frame",
    ),
    Listing(
        "MUG-SAGE-350",
        "Stoneware mug, sage, 350 ml",
        "A sage green mug",
        partial(turnery.mug, glaze=(150, 170, 146), foot=(198, 164, 128)),
        side_px=1200,
        scene=Scene((206, 207, 209), falloff=0.08, shadow=1.0, grain=0.8),
        fault="grey_backdrop",
        near=(0.5, 0.22),
    ),
    Listing(
        "TIN-ASSAM-100",
        "Assam loose leaf tea, 100 g tin",
        "A dark blue tea tin with a golden lid",
        partial(turnery.tin, paint=(30, 70, 88), lid=(196, 164, 104), name="Assam"),
        side_px=1200,
        fault="border",
    ),
    Listing(
        "VASE-BLUE-30",
        "Ceramic vase, cobalt glaze, 30 cm",
        "A blue vase with a band of bare clay",
        partial(turnery.vase, glaze=(60, 92, 132), band=(206, 170, 136)),
    ),
    Listing(
        "WATCH-LEATHER-40",
        "Wrist watch, blue dial, brown leather strap, 40 mm",
        "A wrist watch with a blue dial",
        partial(others.watch, strap=(112, 70, 46), dial=(28, 46, 74), metal=(206, 208, 212)),
        side_px=1200,
        scene=Scene((120, 128, 134), shadow=0.9, grain=0.8, clutter=True, is_lying=True),
        fault="cluttered_backdrop",
    ),
)
