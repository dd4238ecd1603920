"""The difference between a listing and what it is to show, slot by slot."""

from collections.abc import Sequence

from integrations.channel import CatalogItem, DesiredImage, Op, Plan, RemoteImage, Step


def plan_of(item: CatalogItem, desired: Sequence[DesiredImage]) -> Plan:
    """The plan that makes a listing look so.

    A picture whose bytes and words the listing has already is kept, not sent again.
    """
    shown = {image.slot: image for image in item.images}
    steps = [_step(wish, shown) for wish in desired]
    wanted = {wish.slot for wish in desired}
    steps += [
        Step(Op.DETACH, image.slot, before=image, after=None)
        for image in item.images
        if image.slot not in wanted
    ]
    return Plan(item.remote_id, item.images_digest, item.images, tuple(steps))


def _step(wish: DesiredImage, shown: dict[str, RemoteImage]) -> Step:
    there = shown.get(wish.slot)
    own = _own(wish, list(shown.values()))
    if own is None:
        op = Op.UPLOAD if wish.reuse_remote_id is None else Op.ATTACH
        return Step(op, wish.slot, before=there, after=wish)
    op = Op.KEEP if there is not None and there.remote_id == own.remote_id else Op.MOVE
    return Step(op, wish.slot, before=there, after=DesiredImage.kept(own, slot=wish.slot))


def _own(wish: DesiredImage, images: Sequence[RemoteImage]) -> RemoteImage | None:
    """The listing's picture that is wished for: the one in that slot first."""
    matching = [image for image in images if _is(wish, image)]
    in_place = [image for image in matching if image.slot == wish.slot]
    return next(iter(in_place or matching), None)


def _is(wish: DesiredImage, image: RemoteImage) -> bool:
    if wish.reuse_remote_id is not None:
        return wish.reuse_remote_id == image.remote_id
    return wish.digest is not None and (wish.digest, wish.alt) == (image.sha256, image.alt)
