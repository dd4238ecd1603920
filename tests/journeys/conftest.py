"""A journey goes through a running API, as a stranger would."""

from api.conftest import acme, api, settings, untouched_limits

__all__ = ["acme", "api", "settings", "untouched_limits"]
