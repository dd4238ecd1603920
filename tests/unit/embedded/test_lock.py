"""The lock of a data folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from packshot.embedded.layout import Layout
from packshot.embedded.lock import held, is_held
from packshot.embedded.problems import AlreadyRunning


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def test_a_living_holder_is_named_at_once(layout: Layout):
    with (
        held(layout),
        pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"),
        held(layout, wait_s=60),
    ):
        pass


def test_a_folder_is_free_before_and_after(layout: Layout):
    free_before = is_held(layout)
    with held(layout):
        assert is_held(layout)

    assert not free_before
    assert not is_held(layout)


def test_a_child_that_outlives_the_holder_still_keeps_the_folder(layout: Layout):
    with held(layout) as descriptor:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    layout.lock.write_text("1 0")  # the holder is gone: process 1 started at another time

    with pytest.raises(AlreadyRunning, match="earlier run"), held(layout, wait_s=0.2):
        pass
    child.communicate()

    with held(layout):
        pass


def test_a_pid_that_was_given_to_another_process_is_not_the_holder(layout: Layout):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(layout.lock)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    layout.lock.write_text(f"{os.getpid()} 12345")

    with pytest.raises(AlreadyRunning, match="earlier run"), held(layout, wait_s=0.2):
        pass

    holder.kill()
    holder.communicate()


HOLD = """
import fcntl, signal, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
signal.pause()
"""
