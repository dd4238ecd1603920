"""Who Postgres runs as: it refuses to run as root, and root is what many containers give."""

import ctypes
import functools
import os
import pwd
from collections.abc import Callable
from pathlib import Path

from packshot.embedded.problems import NoIdentity

CLONE_NEWUSER = 0x10000000  # linux/sched.h
SEEMING_ID = 1000


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


def enter_user_namespace() -> None:
    """Enter a user namespace where uid 0 shows as 1000; raises OSError."""
    if _LIBC.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{SEEMING_ID} 0 1")
    Path("/proc/self/uid_map").write_text(f"{SEEMING_ID} 0 1")


def become_nobody() -> None:
    """Give up root for good; raises OSError or KeyError."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)


def _survives(change: Callable[[], None]) -> bool:
    """Try a change of identity in a child, since it cannot be undone."""
    pid = os.fork()
    if pid == 0:
        try:
            change()
        except (OSError, KeyError):
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


_LIBC = ctypes.CDLL(None, use_errno=True)
