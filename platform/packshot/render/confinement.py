"""What a render child gives up before it opens a stranger's picture.

It keeps its user's right to read files: whoever takes over a decoder can still read what this
installation's user can. What is given up makes that harder to use, and bounds what a picture costs.
"""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

OPEN_FILES = 64
FILE_BYTES = 1024**3  # more than any output; a runaway encoder stops here and not at the disk's end
CPU_SECONDS_PER_RENDER = 30
FIRST_INHERITED = 3
PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h


def confine(memory_bytes: int) -> None:
    """Give up inherited files, the network, new privileges, and everything above the limits.

    ``memory_bytes`` is what a render may take on top of what the loaded libraries map.
    """
    os.closerange(FIRST_INHERITED, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the parent decides
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # A user namespace of its own takes a root's capabilities, an empty network all sockets to
        # elsewhere. Where the system allows neither, the child goes on without.
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _limit_memory(memory_bytes)
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold somebody's picture


def allow_cpu_time() -> None:
    """Let the next render use its share of processor time, and no more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS_PER_RENDER
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _limit_memory(budget_bytes: int) -> None:
    """Allow that much on top of what the loaded libraries map: RLIMIT_AS counts mappings too."""
    with suppress(FileNotFoundError):  # only Linux has it, and only Linux keeps to RLIMIT_AS
        statm = Path("/proc/self/statm").read_text()  # proc(5): the first field is pages mapped
        limit = int(statm.split()[0]) * resource.getpagesize() + budget_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
