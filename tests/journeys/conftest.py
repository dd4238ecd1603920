"""A journey goes through a running API, as a stranger would."""

from api.conftest import acme, api, neighbour, settings, untouched_limits, workers

__all__ = ["acme", "api", "neighbour", "settings", "untouched_limits", "workers"]
