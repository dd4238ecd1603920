"""The port of following views: what the projector asks of each of them."""

from typing import Protocol


class FollowingView(Protocol):
    """A view whose rows are written behind the appends, a stretch of one log at a time.

    Its table is ``views.<name>``, its columns begin with tenant_id, and its primary key with it;
    the migration that makes it ends with ``SELECT views.guard_following('views.<name>')``.

    ``statement`` brings {table} from one position of one log to another: $1 is the organization,
    $2 the position that the table holds, $3 the position it shall hold. It reads es.event, writes
    rows of no other organization, asks no clock, and gives the same rows however a log is cut into
    stretches. It is one statement because a stretch is thousands of events: folding them in the
    database took 5 µs an event, and carrying them through the process would take as much again.

    Data that it cannot use (SQLSTATE classes 22 and 23) parks the organization at that event.

    A rebuild asks three things of the table: an ON CONFLICT is one with the primary key, because
    the other indexes are built last; they are named after the table; and every column is of a type
    that can be hashed (jsonb, not json), because that is how two tables are compared.
    """

    name: str
    statement: str
