"""The scopes that a key may hold, and named sets of them. No wildcard is ever stored."""

from collections.abc import Mapping
from enum import StrEnum


class Scope(StrEnum):
    """One thing a key may do."""

    IMAGES_PROCESS = "images:process"
    IMAGES_UPSCALE = "images:upscale"
    IMAGES_BACKGROUND = "images:background"
    IMAGES_RELIGHT = "images:relight"
    COMPLIANCE_CHECK = "compliance:check"
    FILES_READ = "files:read"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    PRESETS_READ = "presets:read"
    PRESETS_WRITE = "presets:write"
    CATALOG_READ = "catalog:read"
    CATALOG_SYNC = "catalog:sync"
    PUBLISH_READ = "publish:read"
    PUBLISH_WRITE = "publish:write"
    INTEGRATIONS_READ = "integrations:read"
    INTEGRATIONS_MANAGE = "integrations:manage"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    KEYS_READ = "keys:read"
    KEYS_MANAGE = "keys:manage"
    MEMBERS_READ = "members:read"
    MEMBERS_MANAGE = "members:manage"
    TEAMS_MANAGE = "teams:manage"
    AUDIT_READ = "audit:read"
    USAGE_READ = "usage:read"


EVERY_SCOPE = tuple(Scope)

# What each name stands for when a key is made: a scope of a later release joins none of them.
SCOPE_SETS: Mapping[str, tuple[Scope, ...]] = {
    "process only": (
        Scope.IMAGES_PROCESS,
        Scope.IMAGES_UPSCALE,
        Scope.IMAGES_BACKGROUND,
        Scope.IMAGES_RELIGHT,
        Scope.COMPLIANCE_CHECK,
        Scope.FILES_READ,
        Scope.JOBS_READ,
        Scope.JOBS_WRITE,
        Scope.PRESETS_READ,
    ),
    "publish bot": (
        Scope.FILES_READ,
        Scope.CATALOG_READ,
        Scope.CATALOG_SYNC,
        Scope.COMPLIANCE_CHECK,
        Scope.INTEGRATIONS_READ,
        Scope.JOBS_READ,
        Scope.PUBLISH_READ,
        Scope.PUBLISH_WRITE,
    ),
    "read only": tuple(scope for scope in Scope if scope.endswith(":read")),
    "everything": EVERY_SCOPE,
}
