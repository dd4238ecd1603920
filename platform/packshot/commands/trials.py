"""Pictures for callers without a key: made, answered and forgotten; nothing is recorded or kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import InvalidImage, Refusal
from imaging.facts import Facts
from imaging.limits import Limits
from imaging.rendered import Rendered
from packshot.commands.making import Maker, Photo, Wish

MOST_PIXELS = 4_000_000
LIMITS = Limits(pixels=MOST_PIXELS, result_pixels=MOST_PIXELS)
WITH_A_KEY = Limits().pixels


@dataclass(frozen=True, slots=True)
class Trial:
    """A picture that was made for nobody: its bytes, and what is known of it."""

    data: bytes
    rendered: Rendered
    made_at: datetime


@dataclass(slots=True)
class Trials:
    """The use case of callers without a key; at most half of the renderers work for them."""

    maker: Maker
    under_way: int = field(default=0, init=False)

    @property
    def most_at_once(self) -> int:
        """How many renderers those without a key may hold in this process."""
        return max(1, self.maker.pool.size // 2)

    async def make(self, photo: Photo, wish: Wish) -> Trial:
        """Make the picture.

        Raises the Refusal of the imaging room, and concurrency_limited when too many are made.
        """
        blobs = self.maker.blobs
        destination = blobs.temporary("trial")
        with self._place():
            try:
                with _told_of_keys():
                    rendered = await self.maker.pool.render(
                        photo.path, wish.recipe, destination=destination, limits=LIMITS
                    )
                data = destination.read_bytes()
            finally:
                blobs.discard(destination)
        return Trial(data, rendered, self.maker.clock())

    async def measure(self, photo: Photo) -> Facts:
        """Measure the picture; raises as ``make`` does."""
        with self._place(), _told_of_keys():
            return await self.maker.pool.measure(photo.path, limits=LIMITS)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self.under_way >= self.most_at_once:
            raise Refusal(
                "concurrency_limited",
                f"{self.most_at_once} pictures of callers without a key are being made.",
                fix="Wait for one of them, or use a key: it has places of its own.",
                headers={"Retry-After": "2"},
            )
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1


@contextmanager
def _told_of_keys() -> Iterator[None]:
    """Say to whom a picture is too large without a key that it is not with one."""
    try:
        yield
    except InvalidImage as refusal:
        if refusal.code != "too_many_pixels" or refusal.param != "image":
            raise
        raise InvalidImage(
            refusal.code,
            f"Without a key: {refusal.detail[0].lower()}{refusal.detail[1:]}",
            param=refusal.param,
            allowed=refusal.allowed,
            fix=f"{refusal.fix} Or send it with a key: up to {WITH_A_KEY / 1e6:g} megapixels.",
        ) from None
