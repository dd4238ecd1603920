"""The three sample photos that wait for a visitor: as if taken in a small studio, not yet white."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from imaging.samples import others, turnery
from imaging.samples.stage import Draw, Drawn, Scene, draw

QUALITY = 90


@dataclass(frozen=True, slots=True)
class SamplePhoto:
    """One photo: the name of its file without suffix, what it shows, and how it is drawn."""

    name: str
    alt: str
    product: Draw
    scene: Scene
    fill: float
    centre: tuple[float, float]

    def drawn(self) -> Drawn:
        """The photo, 1600 × 1600 pixels."""
        return draw(self.product, self.scene, fill=self.fill, centre=self.centre, seed=4)


def sample_photos() -> Iterator[SamplePhoto]:
    """Yield the sample photos."""
    yield SamplePhoto(
        "bottle",
        "A green glass bottle of hand wash with a black cap",
        partial(
            turnery.bottle, glass=(38, 84, 74), cap=(34, 34, 36), text=("FJORD", "hand & body wash")
        ),
        Scene((233, 234, 236), falloff=0.05, shadow=1.0, grain=0.8),
        0.68,
        (-0.04, 0.04),
    )
    yield SamplePhoto(
        "mug",
        "A sage green stoneware mug",
        partial(turnery.mug, glaze=(150, 170, 146), foot=(198, 164, 128)),
        Scene((238, 236, 232), falloff=0.05, shadow=1.0, grain=0.8),
        0.56,
        (0.05, 0.06),
    )
    yield SamplePhoto(
        "granola",
        "An orange carton of granola",
        partial(others.box, paint=(206, 92, 62), name="Morgen"),
        Scene((230, 231, 234), falloff=0.05, shadow=1.0, grain=0.8),
        0.60,
        (-0.02, 0.03),
    )
