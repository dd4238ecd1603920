"""A journey goes through a running API, as a stranger would."""

from api.conftest import untouched_limits

__all__ = ["untouched_limits"]
