"""Holds SIGINT and SIGTERM back while Python forks, so that none of them is lost.

What a signal's handler raises while Python runs its own fork hooks (the logging lock's, for one)
is printed and dropped: the Ctrl-C would be gone, and the start would go on.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """Let both signals wait for the length of a block; at its end their handlers run.

    A child that is forked meanwhile inherits the waiting: it calls ``let_through``.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_through() -> None:
    """End the waiting early: the handlers of signals that came meanwhile run here."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
