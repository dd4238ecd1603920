"""Who Postgres runs as: it refuses to run as root, and root is what many containers give."""

import ctypes
import functools
import os
import pwd
import struct
from collections.abc import Callable
from pathlib import Path

from packshot.embedded.interrupts import held_back
from packshot.embedded.problems import NoIdentity

CLONE_NEWUSER = 0x10000000  # linux/sched.h
SEEMING_ID = 1000
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2  # linux/prctl.h
CAPABILITY_VERSION_3, CAP_DAC_OVERRIDE = 0x20080522, 1  # linux/capability.h


@functools.cache
def postgres_identity() -> Callable[[], None] | None:
    """Return what the child must do before exec so that Postgres accepts its user; None: nothing.

    Root first tries a user namespace in which it seems to be user 1000: the files stay root's
    own. Where that is not allowed (most containers) it becomes ``nobody``.
    """
    if os.geteuid() != 0:
        return None
    if _survives(enter_user_namespace):
        return enter_user_namespace
    if _survives(become_nobody):
        return become_nobody
    raise NoIdentity(
        "Postgres does not run as root, and this machine allows neither a user namespace nor a "
        "change to the user nobody. Run as a normal user."
    )


def owner_of_files() -> tuple[int, int] | None:
    """Return the uid and gid that must own the cluster's folder; None: whoever makes it."""
    if postgres_identity() is not become_nobody:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def roots_own() -> set[int]:
    """Return the uids that root's own clusters can have, by the two ways above."""
    return {0, pwd.getpwnam("nobody").pw_uid}


def enter_user_namespace() -> None:
    """Enter a user namespace where uid 0 shows as 1000; raises OSError."""
    _call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{SEEMING_ID} 0 1")
    Path("/proc/self/uid_map").write_text(f"{SEEMING_ID} 0 1")


def become_nobody() -> None:
    """Give up root for good, but for the right to open root's files; raises OSError or KeyError.

    The data folder is private to root and may lie in /root: without CAP_DAC_OVERRIDE, which
    containers grant by default, nobody could not reach the cluster that is its own.
    """
    nobody = pwd.getpwnam("nobody")
    _call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
    kept = 1 << CAP_DAC_OVERRIDE
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    _call("capset", header, struct.pack("=6I", kept, kept, kept, 0, 0, 0))
    _call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def _survives(change: Callable[[], None]) -> bool:
    """Try a change of identity in a child, since it cannot be undone."""
    with held_back():
        pid = os.fork()
        if pid == 0:
            try:
                change()
            except (OSError, KeyError):
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _call(name: str, *arguments: int | bytes) -> None:
    """Call a function of the C library; raises OSError when it refuses."""
    if getattr(_LIBC, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


_LIBC = ctypes.CDLL(None, use_errno=True)
