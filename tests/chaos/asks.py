"""What a client asks for: a plan of requests that follows from a seed, and their pictures."""

import io
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Literal

from PIL import Image, ImageDraw

SIZE = (320, 240)
BROKEN = "broken-"
FIELDS = {"width": "400", "height": "400"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One wish of a client; ``ref`` is its clientRef, by which the log knows it again.

    Without a ``key`` it is sent once, and counts if it is acknowledged. ``repeat`` is when the same
    request is sent again: not, afterwards, or by two at once. A picture that is not sent along is
    to be fetched from its address, as those of a batch's ``items`` are.
    """

    ref: str
    at_s: float
    org: int
    kind: Literal["job", "process"]
    picture: int
    key: str | None
    webhook: bool = False
    then: Literal["nothing", "wait", "cancel", "cancel and retry"] = "nothing"
    repeat: Literal["no", "later", "at once"] = "no"
    is_broken: bool = False
    is_fetched: bool = False
    items: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it is sent."""
        return "/api/v1/jobs" if self.kind == "job" else "/api/v1/process"

    @property
    def fields(self) -> dict[str, str]:
        """Its fields but for the webhook's address."""
        return FIELDS | {"clientRef": self.ref}

    @property
    def photo(self) -> bytes:
        """Its picture."""
        return broken_picture(self.picture) if self.is_broken else picture(self.picture)


def plan(seed: int, *, jobs: int, within_s: float, orgs: int, first: int = 0) -> list[Ask]:
    """The requests of a seed, spread over ``within_s`` seconds; ``first`` is the first's number."""
    random = Random(f"asks {seed}")
    return [
        _ask(random, first + number, at_s=round(number * within_s / jobs, 2), orgs=orgs)
        for number in range(jobs)
    ]


def _ask(random: Random, number: int, *, at_s: float, orgs: int) -> Ask:
    chance = random.random
    kind: Literal["job", "process"] = "process" if chance() < 0.15 else "job"
    is_keyed = chance() < 0.8
    is_broken = kind == "job" and chance() < 0.03
    is_fetched = not is_broken and chance() < 0.15
    items = _items(random, number) if kind == "job" and chance() < 0.05 else ()
    then = random.choices(("nothing", "wait", "cancel", "cancel and retry"), (50, 35, 10, 5))[0]
    repeat = random.choices(("no", "later", "at once"), (60, 25, 15))[0]
    return Ask(
        ref=f"ask-{number:05}",
        at_s=at_s,
        org=random.randrange(orgs),
        kind=kind,
        # One in ten is a picture that was sent before.
        picture=random.randrange(number) if number and chance() < 0.1 else number,
        key=f"key-{number:05}" if is_keyed else None,
        webhook=chance() < 0.3,
        then=then if kind == "job" else "nothing",
        repeat=repeat if is_keyed else "no",
        is_broken=is_broken and not items,
        is_fetched=is_fetched,
        items=items,
    )


def _items(random: Random, number: int) -> tuple[str, ...]:
    """The photos of a batch; in every other one, one is broken."""
    names = [f"{number}{item}" for item in range(3)]
    if random.random() < 0.5:
        names[random.randrange(3)] = f"{BROKEN}{number}"
    return tuple(names)


@lru_cache(maxsize=64)
def picture(number: int) -> bytes:
    """A small photo of a product; another number is another photo."""
    drawn = Image.new("RGB", SIZE, (236, 236, 238))
    colour = (40 + number % 160, 40 + number // 160 % 160, 60 + number % 7 * 20)
    left, top = 90 + number % 11 * 2, 60 + number % 13
    ImageDraw.Draw(drawn).rounded_rectangle((left, top, left + 120, top + 110), 12, fill=colour)
    return _jpeg(drawn)


def picture_called(name: str) -> bytes:
    """The photo of that name: a number, or one that is broken."""
    if name.startswith(BROKEN):
        return broken_picture(int(name.removeprefix(BROKEN)))
    return picture(int(name))


def broken_picture(number: int) -> bytes:
    """A photo that was cut short on its way."""
    return picture(number)[:-200]


def _jpeg(drawn: Image.Image) -> bytes:
    written = io.BytesIO()
    drawn.save(written, "JPEG", quality=90)
    return written.getvalue()
