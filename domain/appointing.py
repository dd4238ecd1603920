"""Who may make whom what in an organization: nothing above oneself, and an owner always stays."""

from collections.abc import Collection

from domain.errors import Conflict, Forbidden
from domain.ids import UserId
from domain.roles import Role, may_appoint


def require_may_appoint(by: Role, *roles: Role) -> None:
    """Raise Forbidden unless a member of the role ``by`` may give and take all these roles."""
    for role in roles:
        if not may_appoint(by, role):
            raise Forbidden(
                "scope_missing",
                f"Who is {by} here may not decide about the role {role}.",
                fix="Ask an owner of the organization.",
            )


def require_owner_left(owners: Collection[UserId], leaving: UserId) -> None:
    """Raise Conflict (last_owner) when nobody is an owner without the one who leaves that role."""
    if set(owners) == {leaving}:
        raise Conflict(
            "last_owner",
            "This is the only owner: the organization would be left without one.",
            fix="Make another member an owner first.",
        )
