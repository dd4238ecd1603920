"""The pictures of a listing: what a publish asks for, and the list that it leads to.

An image is ``{"remote_id", "slot", "url", "sha256", "width", "height", "alt"}`` as the shop tells
it; one that the shop does not have yet has None for its ``remote_id`` and ``url``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from domain.errors import InvalidInput
from domain.ids import IntegrationId, OutputId, PublishId

Image: TypeAlias = dict[str, Any]
Mode = Literal["replace", "append", "prepend"]

MAIN = "main"
# A listing has nine places, as Amazon's image locators do: docs/bridge.md, "The shop".
SLOTS = (MAIN, *(f"pt{number:02}" for number in range(1, 9)))


@dataclass(frozen=True, slots=True)
class Target:
    """Which listing, and which place in it: a slot, a position counted from 1, or the first.

    A listing is named by its SKU or by the shop's own id of it.
    """

    sku: str | None = None
    product_id: str | None = None
    slot: str | None = None
    position: int | None = None

    @property
    def listing(self) -> str:
        """What the shop is asked for."""
        return self.product_id or self.sku or ""

    @property
    def number(self) -> int:
        """The place that is meant, counted from 0."""
        return 0 if self.position is None else self.position - 1

    def as_dict(self) -> dict[str, Any]:
        """The target as an event stores it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: an output at a place of a listing, or an earlier publish taken back.

    ``base_digest`` is the listing's digest in the plan that somebody approved, None where nobody
    saw one. ``output_sha256`` names the output's bytes.
    """

    integration_id: IntegrationId
    target: Target
    mode: Mode = "replace"
    require_compliance: str = "off"
    output_id: OutputId | None = None
    output_sha256: str | None = None
    undo_of: PublishId | None = None
    base_digest: str | None = None

    @property
    def is_for_main(self) -> bool:
        """Whether the picture is to be the one that is seen first."""
        is_first = self.target.number == 0 and self.target.slot in {None, MAIN}
        return self.mode == "prepend" or (self.mode == "replace" and is_first)

    def as_dict(self) -> dict[str, Any]:
        """The wish as an event stores it."""
        return {
            "integration_id": str(self.integration_id),
            "target": self.target.as_dict(),
            "mode": self.mode,
            "require_compliance": self.require_compliance,
            "output_id": None if self.output_id is None else str(self.output_id),
            "output_sha256": self.output_sha256,
            "undo_of": None if self.undo_of is None else str(self.undo_of),
            "base_digest": self.base_digest,
        }


@dataclass(frozen=True, slots=True)
class ListingPlan:
    """What a listing shows, and the steps to what it shall show.

    ``item`` is ``{"remote_id", "sku", "title", "url"}``; ``base_digest`` the listing's digest when
    it was read. A step is ``{"op", "slot", "before", "after"}``; steps are in the order of the
    listing as it shall be, with what goes away at the end.
    """

    item: dict[str, Any]
    base_digest: str
    before: list[Image]
    steps: list[dict[str, Any]]

    @property
    def changes_nothing(self) -> bool:
        """Whether the listing shows already what it shall show."""
        return all(step["op"] == "keep" for step in self.steps)

    @property
    def wanted(self) -> list[Image]:
        """The whole listing as it shall be, in order."""
        return [step["after"] for step in self.steps if step["after"] is not None]


def wanted_list(
    before: Sequence[Image], image: Image, *, target: Target, mode: Mode
) -> list[Image]:
    """The whole list that a listing shall show once the image is in its place.

    Raises InvalidInput where there is no room for it, or the place lies behind a gap.
    """
    if mode == "replace":
        return _replaced(before, image, target)
    if len(before) >= len(SLOTS):
        raise InvalidInput(
            "invalid_parameter",
            f"The listing has {len(before)} images already, which is all that it can hold.",
            param="mode",
            fix="Use mode=replace with the slot of an image that may go.",
        )
    images = [*before, image] if mode == "append" else [image, *before]
    return _in_slots(images)


def _replaced(before: Sequence[Image], image: Image, target: Target) -> list[Image]:
    if target.slot is not None:
        there = next((one for one in before if one["slot"] == target.slot), None)
        others = [one for one in before if one is not there]
        return sorted([*others, _in_place_of(there, image, target.slot)], key=_place)
    if target.number > len(before):
        raise InvalidInput(
            "invalid_parameter",
            f"The listing has {len(before)} images; there is no position {target.position}.",
            param="target.position",
            allowed={"min": 1, "max": min(len(before) + 1, len(SLOTS))},
            fix=f"Use target.position={len(before) + 1} to add one.",
        )
    if target.number == len(before):
        return _in_slots([*before, image])
    there = before[target.number]
    return [_in_place_of(one, image, one["slot"]) if one is there else one for one in before]


def _in_place_of(there: Image | None, image: Image, slot: str) -> Image:
    """The image in that slot; a new one keeps the words of the one that it takes the place of."""
    words = (there or {}).get("alt") if image["remote_id"] is None else None
    return {**image, "slot": slot, "alt": words or image["alt"]}


def _place(image: Image) -> int:
    slot = image["slot"]
    return SLOTS.index(slot) if slot in SLOTS else len(SLOTS)


def _in_slots(images: Sequence[Image]) -> list[Image]:
    return [{**one, "slot": slot} for slot, one in zip(SLOTS, images, strict=False)]


def shows(images: Sequence[Image], wanted: Sequence[Image]) -> bool:
    """Whether a listing shows this list: the same slots in order, each with the same picture.

    A picture that had no remote id yet is known by its bytes.
    """
    return len(images) == len(wanted) and all(
        _is_same(one, other) for one, other in zip(images, wanted, strict=True)
    )


def _is_same(image: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if image["slot"] != wanted["slot"]:
        return False
    if wanted.get("remote_id") is not None:
        return bool(image["remote_id"] == wanted["remote_id"])
    return image.get("sha256") is not None and bool(image["sha256"] == wanted.get("sha256"))
