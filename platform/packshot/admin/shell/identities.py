"""The provider of identities, as pages speak of it."""

from typing import Any

from packshot.admin.shell.declaring import Visit


def provider_name(visit: Visit[Any]) -> str | None:
    """What people call the provider; None where there is none."""
    provider = visit.services.identities.provider
    return None if provider is None else provider.registered.name
