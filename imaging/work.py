"""One picture on its way through the pipeline: what each step reads, and where it leaves its work.

Coordinates. *Source* pixels are those of the upright picture at full size. The *decoded* picture
is the source shrunk by the loader; the *probe* is a copy of at most 320 pixels a side on which the
backdrop and the subject are found. Boxes are left, top, width, height.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from domain.errors import Unavailable
from imaging.limits import Header, Limits
from imaging.recipe import Recipe
from imaging.rendered import Box, Engine, ImageWarning

# OpenCV's stubs answer arrays of any number, so the kind of number stands in words here.
Pixels = npt.NDArray[Any]
"""(height, width, 3) sRGB, uint8, or (height, width) for one channel."""
Plane = npt.NDArray[Any]
"""(height, width) or (height, width, 3), float32: sRGB values 0–255 or shares 0–1, as named."""
Mask = npt.NDArray[Any]
"""(height, width), bool; uint8 with 0 and 1 where OpenCV wants it."""

BackdropKind = Literal["white", "transparent", "coloured", "dark", "cluttered"]


@dataclass(slots=True)
class Decoded:
    """Pixels in memory: a region of the source, shrunk; ``scale`` is decoded ÷ source, per axis.

    ``alpha`` is None for a picture without transparency; with it, ``pixels`` are already flattened
    over white.
    """

    pixels: Pixels
    alpha: Pixels | None
    shrink: int
    scale: tuple[float, float]
    region: Box


@dataclass(slots=True)
class Backdrop:
    """What lies behind the subject, on the probe.

    ``surface`` is the light that falls on it: a smooth colour (0–255) for every probe pixel.
    ``mask`` marks the pixels that are plainly backdrop. ``sigma`` is the robust deviation from the
    surface in levels, ``coverage`` the share of the rim that the surface explains, ``tint`` how far
    its channels differ (0.1: by 10 %), ``reason`` why it cannot become white.
    """

    surface: Plane
    mask: Mask
    sigma: float
    coverage: float
    kind: BackdropKind
    reason: str = ""
    tint: float = 0.0


@dataclass(slots=True)
class Silhouette:
    """The subject on the probe: its mask without the shadow, and its box in source pixels.

    ``cropped`` names the sides at which the source cuts the subject off.
    """

    mask: Mask
    box: Box
    confidence: float
    engine: Engine
    cropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the source lands on the canvas: canvas = source × ``scale`` + ``offset``.

    ``shrink`` is the loader's shrink for the final pass, ``region`` the part of the source that
    the canvas shows.
    """

    scale: float
    offset: tuple[float, float]
    region: Box
    shrink: int


@dataclass(slots=True)
class Clock:
    """Milliseconds spent decoding, processing and encoding, and the deadline of the whole."""

    deadline_s: float
    started: float = field(default_factory=time.perf_counter)
    spent_ms: dict[str, float] = field(default_factory=dict)

    def left_s(self) -> float:
        """Seconds until the deadline; raises Unavailable ``timeout`` when there are none."""
        left = self.deadline_s - (time.perf_counter() - self.started)
        if left <= 0:
            raise Unavailable(
                "timeout",
                f"The picture took longer than {self.deadline_s:g} seconds.",
                fix="Send a smaller picture, or send it as a job.",
            )
        return left

    def add(self, part: str, seconds: float) -> None:
        """Count time for one part of the work."""
        self.spent_ms[part] = self.spent_ms.get(part, 0.0) + seconds * 1000


@dataclass(slots=True)
class Work:
    """A picture in the pipeline. Steps fill it from the top to the bottom.

    ``cover`` is the alpha of a canvas that shows a subject cut out, 0–255.
    """

    source: Path
    recipe: Recipe
    destination: Path
    limits: Limits
    header: Header
    clock: Clock
    warnings: list[ImageWarning] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)
    decoded: Decoded | None = None
    probe: Plane | None = None
    probe_alpha: Plane | None = None
    backdrop: Backdrop | None = None
    silhouette: Silhouette | None = None
    placement: Placement | None = None
    canvas: Pixels | None = None
    cover: Pixels | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def warn(self, code: str, detail: str) -> None:
        """Tell the caller something about a picture that will come all the same."""
        self.warnings.append(ImageWarning(code, detail))
