"""What the API's tests start from: full buckets and a client, on the one running API."""

from collections.abc import Iterator

import pytest
import redis
import requests

from api.client import Client
from api.running import found, write_secrets
from api.server import RunningApi
from packshot.commands.organizations import Created
from packshot.edge.limiter import in_own_database
from services import RunningServices

__all__ = ["found", "write_secrets"]


@pytest.fixture(autouse=True)
def untouched_limits(servers: RunningServices) -> None:
    """Every test begins with full buckets."""
    with redis.Redis.from_url(in_own_database(servers.redis_url)) as valkey:
        valkey.flushdb()


@pytest.fixture
def client(api: RunningApi, acme: Created) -> Iterator[Client]:
    """A client with the key of Acme."""
    with requests.Session() as session:
        yield Client(api.base_url, session, acme.secret)
