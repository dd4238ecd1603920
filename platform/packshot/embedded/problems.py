"""What can stand in the way of a start, each said in one sentence that names the remedy.

Problem
├── UnusableFolder   a folder is missing, foreign or not writable
├── AlreadyRunning   another process holds the data folder
├── NotRunning       no process holds it, and the command needs one
├── PortUnusable     the port is taken or not allowed
├── MissingSecrets   a database stands without the secrets it was made with
├── NoIdentity       Postgres cannot be run as anyone here
└── StartFailed      a service ended, or was not ready in time
"""


class Problem(Exception):
    """Something that the person at the terminal can mend; the message says what and how."""


class UnusableFolder(Problem):
    """A folder is missing, belongs to someone else, or cannot be written to."""


class AlreadyRunning(Problem):
    """Another process holds the data folder."""


class NotRunning(Problem):
    """No installation runs on the data folder."""


class PortUnusable(Problem):
    """The port is taken by another program, or not open to this user."""


class MissingSecrets(Problem):
    """A database exists whose secrets do not."""


class NoIdentity(Problem):
    """Root can neither open a user namespace nor become the user nobody."""


class StartFailed(Problem):
    """A service ended while it started, or was not ready in time."""
