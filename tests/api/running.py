"""One running API with its neighbours and workers, for all tests of a process.

The fixtures are known to ``tests/conftest.py`` alone: a second set of them would be a second API,
and its workers would take the first one's jobs from the one broker.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.backstage import backstage, close_backstage
from api.neighbour import Neighbour, a_neighbour
from api.server import RunningApi, running_api
from api.working import running_processes
from given import SECRETS
from packshot.commands.organizations import Created
from packshot.config import Settings
from services import RunningServices
from shop import Shop, a_shop

# A busy test machine must not look like a Valkey that is away: the API would begin to count for
# itself in the middle of a test, in buckets that no test can empty.
PATIENT_S = 10.0


@pytest.fixture(scope="session")
def neighbour() -> Iterator[Neighbour]:
    """The one private address that pictures may come from and webhooks go to."""
    with a_neighbour() as neighbour:
        yield neighbour


@pytest.fixture(scope="session")
def shop_server() -> Iterator[Shop]:
    """The one shop on a private address that may be connected."""
    with a_shop() as shop:
        yield shop


@pytest.fixture(scope="session")
def settings(
    servers: RunningServices,
    neighbour: Neighbour,
    shop_server: Shop,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Settings]:
    """The settings of the one API that all tests of a process share."""
    folder = tmp_path_factory.mktemp("api")
    write_secrets(folder / "secrets")
    with asyncio.Runner() as runner:
        opened = servers.database()
        database = runner.run(opened.__aenter__())
        settings = Settings(
            database_url=database.app_url,
            writer_database_url=database.writer_url,
            projector_database_url=database.projector_url,
            redis_url=servers.redis_url,
            storage_dir=folder / "storage",
            secrets_dir=folder / "secrets",
            render_children=1,
            allowed_private=f"{neighbour.as_allowed},{shop_server.as_allowed}",
            limiter_answer_within_s=PATIENT_S,
        )
        yield settings
        close_backstage(settings)
        runner.run(opened.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def api(settings: Settings) -> Iterator[RunningApi]:
    """The API in its own process, on a real socket."""
    with running_api(settings) as running:
        yield running


@pytest.fixture(scope="session")
def workers(settings: Settings) -> Iterator[None]:
    """A worker and a relay, for tests whose jobs are to be done."""
    with running_processes(("worker", "relay"), settings):
        yield


@pytest.fixture
def acme(api: RunningApi) -> Created:
    """An organization that nobody else uses, with a key of every scope."""
    return found(api.settings, "Acme")


@pytest.fixture
def globex(api: RunningApi) -> Created:
    """Another organization."""
    return found(api.settings, "Globex")


def found(settings: Settings, name: str) -> Created:
    """Found an organization in the API's database."""
    return backstage(settings).do(
        lambda services: services.organizations.create(name, actor_id="test")
    )


def write_secrets(folder: Path) -> None:
    """The files that a first start makes."""
    folder.mkdir(mode=0o700)
    (folder / "pepper-1").write_text(SECRETS.peppers[1].hex())
    (folder / "log-signing-key").write_text(SECRETS.log_signing_seed.hex())
    (folder / "key-encryption-key").write_text(SECRETS.key_encryption_key.hex())
