"""The roles that a member of an organization may have, and what each of them may do."""

from collections.abc import Mapping
from enum import StrEnum

from domain.scopes import EVERY_SCOPE, Scope


class Role(StrEnum):
    """What a member is in an organization; at least one is an owner, always."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


_READS = frozenset(
    {
        Scope.FILES_READ, Scope.JOBS_READ, Scope.PRESETS_READ, Scope.CATALOG_READ,
        Scope.PUBLISH_READ, Scope.INTEGRATIONS_READ, Scope.MEMBERS_READ, Scope.USAGE_READ,
    }
)  # fmt: skip
_WORK = frozenset(
    {
        Scope.IMAGES_PROCESS, Scope.IMAGES_UPSCALE, Scope.IMAGES_BACKGROUND, Scope.IMAGES_RELIGHT,
        Scope.COMPLIANCE_CHECK, Scope.JOBS_WRITE, Scope.PRESETS_WRITE, Scope.CATALOG_SYNC,
        Scope.PUBLISH_WRITE, Scope.KEYS_READ, Scope.AUDIT_READ,
    }
)  # fmt: skip

SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.OWNER: frozenset(EVERY_SCOPE),
    Role.ADMIN: frozenset(EVERY_SCOPE),
    Role.MEMBER: _READS | _WORK,
    Role.VIEWER: _READS | {Scope.AUDIT_READ},
}
"""What a role allows. An admin differs from an owner in whom they may appoint, not in scopes."""

RANKS: Mapping[Role, int] = {Role.VIEWER: 0, Role.MEMBER: 1, Role.ADMIN: 2, Role.OWNER: 3}


def allows(role: Role, scope: Scope) -> bool:
    """Whether a member of that role may do what the scope stands for."""
    return scope in SCOPES[role]


def may_appoint(role: Role, other: Role) -> bool:
    """Whether a member of that role may make somebody ``other``, or end it: never above oneself."""
    return allows(role, Scope.MEMBERS_MANAGE) and RANKS[other] <= RANKS[role]
