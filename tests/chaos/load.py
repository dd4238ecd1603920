"""Several clients at once, each ask at its time."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Event, Thread

from chaos.asks import Ask
from chaos.client import Client, Entry, Shop

CLIENTS = 16


class Load:
    """The clients and their log; ``give_up`` ends the patience of those that are left."""

    def __init__(self, base_url: str, shops: list[Shop], asks: Sequence[Ask]) -> None:
        self.entries = [Entry(ask) for ask in asks]
        self.stop = Event()
        self._base_url = base_url
        self._shops = shops
        self._left: SimpleQueue[Entry] = SimpleQueue()
        for entry in self.entries:
            self._left.put(entry)
        self._failures: list[BaseException] = []
        self._threads = [Thread(target=self._work) for _ in range(CLIENTS)]
        self._began_s = 0.0

    def start(self) -> None:
        """Begin with the asks."""
        self._began_s = time.monotonic()
        for thread in self._threads:
            thread.start()

    def finish(self, *, within_s: float) -> None:
        """Wait until every ask has had its answer, that long after the last one at the most."""
        last_s = max((entry.ask.at_s for entry in self.entries), default=0.0)
        until_s = self._began_s + last_s + within_s
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        self.give_up()
        if self._failures:
            raise self._failures[0]

    def give_up(self) -> None:
        """End every client."""
        self.stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        """How many asks have been acknowledged so far."""
        return sum(entry.job_id is not None for entry in self.entries)

    def _work(self) -> None:
        client = Client(self._base_url, self._shops, stop=self.stop)
        try:
            with client.session:
                while not self.stop.is_set():
                    entry = self._left.get_nowait()
                    due_s = self._began_s + entry.ask.at_s
                    self.stop.wait(max(0.0, due_s - time.monotonic()))
                    client.carry_out(entry)
        except Empty:
            return
        except BaseException as failure:  # noqa: BLE001 - told by finish(), in the test's own thread
            self._failures.append(failure)


@contextmanager
def under_load(base_url: str, shops: list[Shop], asks: Sequence[Ask]) -> Iterator[Load]:
    """Ask for the length of a block; whoever is left after it gives up."""
    load = Load(base_url, shops, asks)
    load.start()
    try:
        yield load
    finally:
        load.give_up()
