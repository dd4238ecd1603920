"""Equal work at the same time is done once: the first request leads, the others wait for it."""

import asyncio
from collections.abc import Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from packshot.store.unit import CURRENT, Unit

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Flight(Generic[T]):
    """Work under way, and the unit of work it belongs to.

    ``landed`` is its result once that is committed, None when it never was, or its error.
    """

    unit: Unit | None
    landed: asyncio.Future[T | None]


class Flights(Generic[T]):
    """What is under way in this process."""

    def __init__(self) -> None:
        self.under_way: dict[Hashable, Flight[T]] = {}

    async def follow(self, place: Hashable) -> T | None:
        """The committed result of equal work under way; None when the caller is to lead.

        A leader that was rolled back or cut off leaves the lead to one of its followers; its error
        is theirs too. Work of the caller's own unit of work is not waited for: it lands with it.
        """
        while (flight := self.under_way.get(place)) is not None:
            if flight.unit is not None and flight.unit is CURRENT.get():
                return None
            result = await asyncio.shield(flight.landed)
            if result is not None:
                return result
        return None

    async def lead(self, place: Hashable, work: Coroutine[Any, Any, T]) -> T:
        """Do the work; followers hear of its result when it is committed.

        Outside a unit of work a caller that goes away does not stop it. Inside one it ends with
        the unit, which is nobody else's to use.
        """
        flight: Flight[T] = Flight(CURRENT.get(), asyncio.get_running_loop().create_future())
        self.under_way.setdefault(place, flight)
        if flight.unit is None:
            task = asyncio.create_task(work)
            task.add_done_callback(lambda ended: self._land(place, flight, *_outcome(ended)))
            return await asyncio.shield(task)
        try:
            result = await work
        except BaseException as error:
            self._land(place, flight, None, error)
            raise
        flight.unit.afterwards(
            lambda: self._land(place, flight, result, None),
            otherwise=lambda: self._land(place, flight, None, None),
        )
        return result

    def _land(
        self, place: Hashable, flight: Flight[T], result: T | None, error: BaseException | None
    ) -> None:
        if self.under_way.get(place) is flight:
            del self.under_way[place]
        if isinstance(error, Exception):
            flight.landed.set_exception(error)
            flight.landed.exception()  # read here: there may be no follower to read it
        else:
            flight.landed.set_result(result)


def _outcome(ended: asyncio.Task[T]) -> tuple[T | None, BaseException | None]:
    if ended.cancelled():
        return None, None
    error = ended.exception()
    return (None, error) if error is not None else (ended.result(), None)
