"""Listings as shops show them and as publishes keep them: the one place where the two meet."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from domain.listing import Image, ListingPlan
from integrations.channel import (
    CatalogItem,
    ChannelError,
    DesiredImage,
    Op,
    Plan,
    Receipt,
    RemoteImage,
    Step,
)
from integrations.channel_errors import refusal_of_channel

# Of a wanted image, what the port calls otherwise.
PORT_NAMES = {"remote_id": "reuse_remote_id", "sha256": "digest"}
DESIRED = ("slot", "alt", "remote_id", "sha256", "media_type", "width", "height", "size")


@contextmanager
def told_as_refusals() -> Iterator[None]:
    """Turn what a shop did not do into the refusal that a caller reads."""
    try:
        yield
    except ChannelError as error:
        raise refusal_of_channel(error) from None


def shown_images(item: CatalogItem) -> list[Image]:
    """The pictures of a listing as events keep them."""
    return [asdict(image) for image in item.images]


def stored_plan(item: CatalogItem, plan: Plan) -> ListingPlan:
    """A shop's plan as an event keeps it."""
    named = {"remote_id": item.remote_id, "sku": item.sku, "title": item.title, "url": item.url}
    steps = [
        {
            "op": str(step.op),
            "slot": step.slot,
            "before": None if step.before is None else asdict(step.before),
            "after": None if step.after is None else _wanted_image(step.after),
        }
        for step in plan.steps
    ]
    return ListingPlan(named, plan.base_digest, [asdict(image) for image in plan.before], steps)


def port_plan(stored: ListingPlan) -> Plan:
    """The shop's plan that an event keeps."""
    return Plan(
        item_id=stored.item["remote_id"],
        base_digest=stored.base_digest,
        before=remote_images(stored.before),
        steps=tuple(
            Step(
                op=Op(step["op"]),
                slot=step["slot"],
                before=None if step["before"] is None else RemoteImage(**step["before"]),
                after=None if step["after"] is None else desired_image(step["after"]),
            )
            for step in stored.steps
        ),
    )


def stored_receipt(receipt: Receipt) -> dict[str, Any]:
    """A shop's receipt as an event keeps it."""
    return asdict(receipt)


def port_receipt(stored: Mapping[str, Any]) -> Receipt:
    """The receipt that an event keeps; what the shop had against it is over by then."""
    images = {name: remote_images(stored[name]) for name in ("before", "after")}
    return Receipt(**{**stored, **images, "issues": ()})


def remote_images(stored: Sequence[Image]) -> tuple[RemoteImage, ...]:
    """The shop's pictures that an event keeps."""
    return tuple(RemoteImage(**image) for image in stored)


def desired_image(image: Image) -> DesiredImage:
    """A picture that a listing shall show, to the shop."""
    wanted: Any = {PORT_NAMES.get(name, name): image.get(name) for name in DESIRED}
    return DesiredImage(**wanted)


def _wanted_image(image: DesiredImage) -> Image:
    return {name: getattr(image, PORT_NAMES.get(name, name)) for name in DESIRED}
