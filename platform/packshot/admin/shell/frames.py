"""A change to a listing as pages show it: for each place the picture before and after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from domain.listing import Image, ListingPlan, Wish

# The address, among ours, of a picture that a listing shows or showed; None for no picture.
Source: TypeAlias = Callable[[Image], str | None]

SAID: Mapping[str, str] = {
    "keep": "Stays",
    "move": "Moves here",
    "attach": "Comes back",
    "upload": "New",
    "detach": "Goes away",
}


@dataclass(frozen=True, slots=True)
class Side:
    """A picture in its place; ``source`` is None where it cannot be shown."""

    source: str | None
    alt: str
    size: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What happens in one place."""

    slot: str
    said: str
    is_changed: bool
    before: Side | None
    after: Side | None


def frames_of(plan: ListingPlan, wish: Wish, source: Source) -> list[Frame]:
    """The places of a plan, in the order of the listing as it shall be."""
    return [
        Frame(
            step["slot"],
            SAID.get(step["op"], step["op"]),
            step["op"] != "keep",
            _side(step["before"], wish, source),
            _side(step["after"], wish, source),
        )
        for step in plan.steps
    ]


def sides_of(images: list[Image], wish: Wish, source: Source) -> list[tuple[str, Side | None]]:
    """The pictures of a listing with their places."""
    return [(image["slot"], _side(image, wish, source)) for image in images]


def _side(image: Mapping[str, Any] | None, wish: Wish, source: Source) -> Side | None:
    if image is None:
        return None
    is_ours = wish.output_id is not None and image.get("sha256") == wish.output_sha256
    own = f"/outputs/{wish.output_id}/content" if is_ours else None
    width, height = image.get("width"), image.get("height")
    size = f"{width} × {height} px" if width and height else "Size not told"
    return Side(own or source(dict(image)), image.get("alt") or "", size)
