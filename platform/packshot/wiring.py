"""The one composition root: settings in, the services of a process out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.api_key import ApiKey
from domain.errors import Unavailable
from domain.job import Job
from domain.organization import Organization
from packshot.commands.images import Images
from packshot.commands.making import Maker
from packshot.commands.organizations import Organizations
from packshot.config import Settings
from packshot.render.pool import RenderPool
from packshot.store.blobs import Blobs
from packshot.store.codec import Codec
from packshot.store.events import EventStore
from packshot.store.head import Signer
from packshot.store.keycache import KeyCache
from packshot.store.migrate import applied_migrations, migrations
from packshot.store.pool import Pools, open_pools
from packshot.store.secrets import Secrets
from projections.activity import ActivityView
from projections.api_keys import ApiKeysView
from projections.organizations import OrganizationsView
from projections.outputs import OutputsView

AGGREGATES = (Organization, ApiKey, Job)
FOLLOWING_VIEWS = (ActivityView(),)
INLINE_VIEWS = (OrganizationsView(), ApiKeysView(), OutputsView())


@dataclass(frozen=True, slots=True)
class Services:
    """What the edge and the pages call."""

    settings: Settings
    pools: Pools
    store: EventStore
    keys: KeyCache
    organizations: Organizations
    images: Images

    async def database_ready(self) -> None:
        """Return when the database answers and has this release's schema; raises Unavailable."""
        async with self.pools.looking_up() as connection:
            applied = await applied_migrations(connection)
            recovering = await connection.fetchval("SELECT pg_is_in_recovery()")
        missing = migrations().keys() - applied
        if missing or recovering:
            raise Unavailable(
                "overloaded",
                "The database is not ready: "
                + (f"{', '.join(sorted(missing))} missing." if missing else "read-only."),
                fix="Run packshot migrate.",
                headers={"retry-after": "5"},
            )


@asynccontextmanager
async def open_services(settings: Settings, *, render: bool = True) -> AsyncIterator[Services]:
    """Open everything that a process needs and close it again; ``render`` starts the children."""
    secrets = Secrets.read(settings.secrets_dir)
    pool = RenderPool(settings.render_children)
    blobs = Blobs(settings.storage_dir)
    async with open_pools(settings.database_url, settings.writer_database_url) as pools:
        store = EventStore(
            pools,
            codec=Codec(AGGREGATES),
            views=INLINE_VIEWS,
            signer=Signer(secrets.log_signing_seed),
        )
        try:
            if render:
                await pool.start()
            yield Services(
                settings=settings,
                pools=pools,
                store=store,
                keys=KeyCache(pools, secrets),
                organizations=Organizations(store, secrets),
                images=Images(store, blobs, Maker(pools, blobs, pool, clock=_now)),
            )
        finally:
            await pool.stop()


def _now() -> datetime:
    return datetime.now(UTC)
