"""The one composition root: settings in, the services of a process out."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.api_key import ApiKey
from domain.catalog_sync import CatalogSync
from domain.connection import Connection
from domain.errors import Unavailable
from domain.invite import Invite
from domain.job import Job
from domain.membership import Membership
from domain.organization import Organization
from domain.publish import Publish
from domain.team import Team
from domain.tenant import Tenant
from domain.user import User
from imaging.limits import Limits
from integrations.http import OutboundClient, parse_allowed
from packshot.commands.accounts import Accounts
from packshot.commands.api_keys import ApiKeys
from packshot.commands.attempts import Attempts
from packshot.commands.audit import Audit
from packshot.commands.catalog import Catalog
from packshot.commands.catalog_syncs import OPERATION as CATALOG_SYNC
from packshot.commands.catalog_syncs import CatalogSyncs
from packshot.commands.checkpoints import Checkpoints
from packshot.commands.compliance import Compliance
from packshot.commands.connections import Connections
from packshot.commands.downloads import Downloads
from packshot.commands.erasing import Erasing
from packshot.commands.histories import Histories
from packshot.commands.identities import Identities, provider_of
from packshot.commands.images import Images
from packshot.commands.jobs import Jobs
from packshot.commands.key_adoptions import KeyAdoptions
from packshot.commands.key_edits import KeyEdits
from packshot.commands.key_leaks import KeyLeaks
from packshot.commands.key_notices import KeyNotices
from packshot.commands.making import Maker
from packshot.commands.members import Members
from packshot.commands.names import Names
from packshot.commands.organizations import Organizations
from packshot.commands.people import People
from packshot.commands.public_events import PublicEvents
from packshot.commands.publish_plans import Planner
from packshot.commands.publishes import Publishes
from packshot.commands.publishing import Publishing
from packshot.commands.requests import PUBLISH
from packshot.commands.resets import Resets, mail_server_of
from packshot.commands.sessions import Sessions
from packshot.commands.shop_pictures import ShopPictures
from packshot.commands.shops import DemoShop, Shops
from packshot.commands.supervision import Supervision
from packshot.commands.teams import Teams
from packshot.commands.trail import Trail
from packshot.commands.trials import Trials
from packshot.commands.usage import Usage
from packshot.commands.webhook_secrets import WebhookSecrets
from packshot.config import InvalidSettings, Settings
from packshot.render.pool import WAIT_SECONDS, RenderPool
from packshot.store.blobs import Blobs
from packshot.store.codec import Codec
from packshot.store.endings import Endings
from packshot.store.events import EventStore
from packshot.store.head import Signer
from packshot.store.keycache import KeyCache
from packshot.store.keyuse import KeyUses
from packshot.store.migrate import applied_migrations, migrations
from packshot.store.pool import Pool, Pools, open_pools
from packshot.store.secrets import Secrets
from packshot.store.vault import Vault
from packshot.store.wake import Waker
from projections.activity import ActivityView
from projections.api_keys import ApiKeySecretsView, ApiKeysView
from projections.catalog import CatalogView
from projections.connections import CatalogSyncsView, ConnectionsView
from projections.jobs import JobsView
from projections.memberships import InvitesView, MembershipsView
from projections.organizations import OrganizationsView
from projections.outputs import OutputsView
from projections.publishes import PublishesView, RemoteMediaView
from projections.teams import TeamMembersView, TeamsView
from projections.usage import UsageView

# The HTTP API: "Pictures above 24 MP run on a worker also for the synchronous endpoints".
MOST_PIXELS_HERE = 24_000_000
AGGREGATES = (
    Organization,
    User,
    Membership,
    Invite,
    Team,
    Tenant,
    ApiKey,
    Job,
    Connection,
    CatalogSync,
    Publish,
)
FOLLOWING_VIEWS = (ActivityView(), CatalogView(), UsageView())
INLINE_VIEWS = (
    OrganizationsView(),
    MembershipsView(),
    InvitesView(),
    TeamsView(),
    TeamMembersView(),
    ApiKeysView(),
    ApiKeySecretsView(),
    OutputsView(),
    JobsView(),
    PublishesView(),
    RemoteMediaView(),
    ConnectionsView(),
    CatalogSyncsView(),
)


@dataclass(frozen=True, slots=True)
class Services:
    """What the edge and the pages call."""

    settings: Settings
    pools: Pools
    store: EventStore
    keys: KeyCache
    key_uses: KeyUses
    api_keys: ApiKeys
    organizations: Organizations
    people: People
    resets: Resets
    identities: Identities
    members: Members
    webhook_secrets: WebhookSecrets
    images: Images
    trials: Trials
    compliance: Compliance
    jobs: Jobs
    connections: Connections
    catalog_syncs: CatalogSyncs
    catalog: Catalog
    publishes: Publishes
    shop_pictures: ShopPictures
    attempts: Attempts
    downloads: Downloads
    outbound: OutboundClient
    demo_outbound: OutboundClient | None

    @property
    def key_edits(self) -> KeyEdits:
        """Changing keys."""
        return KeyEdits(self.api_keys)

    @property
    def key_leaks(self) -> KeyLeaks:
        """Ending keys that were found."""
        return KeyLeaks(self.api_keys)

    @property
    def key_notices(self) -> KeyNotices:
        """Telling that keys end."""
        return KeyNotices(self.store, _now)

    @property
    def key_adoptions(self) -> KeyAdoptions:
        """Answering for keys of people who have left."""
        return KeyAdoptions(self.api_keys)

    @property
    def erasing(self) -> Erasing:
        """Forgetting people."""
        return Erasing(self.store, self.members)

    @property
    def public_events(self) -> PublicEvents:
        """What happened, for programs."""
        return PublicEvents(self.store)

    @property
    def audit(self) -> Audit:
        """The proof of the log."""
        return Audit(self.store, _now)

    @property
    def usage(self) -> Usage:
        """What organizations have used."""
        return Usage(self.pools, _now)

    @property
    def accounts(self) -> Accounts:
        """What people change about their own account."""
        return Accounts(self.store, _now)

    @property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        return Sessions(self.store, _now)

    @property
    def trail(self) -> Trail:
        """What happened in an organization, told with names."""
        return Trail(self.store, self.people)

    @property
    def teams(self) -> Teams:
        """Teams of organizations."""
        return Teams(self.store)

    @property
    def supervision(self) -> Supervision:
        """What operators do about organizations."""
        return Supervision(self.store, _now)

    @property
    def histories(self) -> Histories:
        """What happened to a job or a publish."""
        return Histories(self.store, self.names)

    @property
    def names(self) -> Names:
        """What people call who did something."""
        return Names(self.pools, self.people)

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


@dataclass(frozen=True, slots=True)
class _Links:
    """The ways out of a process."""

    pools: Pools
    waker: Waker
    endings: Endings
    outbound: OutboundClient
    demo_outbound: OutboundClient | None


@asynccontextmanager
async def _linked(settings: Settings) -> AsyncIterator[_Links]:
    outbound, demo_outbound = _outbound(settings), _demo_outbound(settings)
    waker, endings = Waker(settings.redis_url), Endings(settings.redis_url)
    async with AsyncExitStack() as stack:
        for close in (outbound.close, waker.close, endings.close):
            stack.push_async_callback(close)
        if demo_outbound is not None:
            stack.push_async_callback(demo_outbound.close)
        pools = await stack.enter_async_context(
            open_pools(settings.database_url, settings.writer_database_url)
        )
        yield _Links(pools, waker, endings, outbound, demo_outbound)


@asynccontextmanager
async def open_services(
    settings: Settings, *, render: bool = True, hand_over: bool = False
) -> AsyncIterator[Services]:
    """Open everything that a process needs and close it again.

    ``render`` starts the render children; ``hand_over`` leaves large pictures to workers.
    """
    secrets = Secrets.read(settings.secrets_dir)
    async with AsyncExitStack() as stack:
        links = await stack.enter_async_context(_linked(settings))
        pools, waker = links.pools, links.waker
        pool = _render_pool(settings, hand_over=hand_over)
        stack.push_async_callback(pool.stop)
        store = _event_store(pools, secrets, waker)
        stack.push_async_callback(store.snapshots.settle)
        keys, uses = KeyCache(pools, secrets, clock=_now), KeyUses(pools, clock=_now)
        blobs = Blobs(settings.storage_dir)
        maker, downloads = Maker(pools, blobs, pool, clock=_now), Downloads(links.outbound, blobs)
        shops = _shops(settings, secrets, links)
        connections = Connections(store, shops)
        lease_s = settings.job_lease_s
        syncs = CatalogSyncs(store, connections, waker, lease_s)
        images, people = Images(store, blobs, maker, waker), People(store, _now)
        members = Members(store, people, _now, keys.forget_person)
        compliance = Compliance(pool, images, _now)
        planner, open_channel = Planner(store, images), connections.channel
        publishing = Publishing(store, planner, open_channel, lease_s)
        errands = {CATALOG_SYNC: syncs.read, PUBLISH: publishing.deliver}
        endings = {PUBLISH: publishing.ending}
        attempts = Attempts(store, blobs, maker, downloads, waker, _now, lease_s, errands, endings)
        if render:
            await pool.start()
        yield Services(
            settings=settings,
            pools=pools,
            store=store,
            keys=keys,
            key_uses=uses,
            api_keys=ApiKeys(store, secrets, keys, uses, people, _now),
            organizations=Organizations(store, secrets, people, _now),
            people=people,
            members=members,
            identities=Identities(store, people, _now, provider_of(settings, links.outbound)),
            resets=Resets(store, members, _now, settings.public_url, mail_server_of(settings)),
            webhook_secrets=WebhookSecrets(store, _now, secrets.key_encryption_key),
            images=images,
            trials=Trials(maker),
            compliance=compliance,
            jobs=Jobs(store, blobs, waker, links.endings),
            connections=connections,
            catalog_syncs=syncs,
            publishes=Publishes(store, planner, open_channel, shops, waker, compliance),
            catalog=Catalog(store, shops),
            shop_pictures=ShopPictures(blobs, connections, Catalog(store, shops)),
            attempts=attempts,
            downloads=downloads,
            outbound=links.outbound,
            demo_outbound=links.demo_outbound,
        )


@asynccontextmanager
async def open_checkpoints(settings: Settings, pool: Pool) -> AsyncIterator[Checkpoints]:
    """Open what makes checkpoints on a pool of the projector's role; raises MissingSecret."""
    signer = Signer(Secrets.read(settings.secrets_dir).log_signing_seed)
    outbound = _outbound(settings)
    try:
        yield Checkpoints(
            pool, signer, settings.storage_dir, _now, outbound, settings.checkpoint_url
        )
    finally:
        await outbound.close()


def _render_pool(settings: Settings, *, hand_over: bool) -> RenderPool:
    limits = Limits(pixels_here=MOST_PIXELS_HERE if hand_over else None)
    # A worker's picture waits for its renderer under a lease; only a caller has no patience.
    wait_s = WAIT_SECONDS if hand_over else None
    return RenderPool(settings.render_children, limits=limits, wait_s=wait_s)


def _event_store(pools: Pools, secrets: Secrets, waker: Waker) -> EventStore:
    return EventStore(
        pools,
        codec=Codec(AGGREGATES),
        views=INLINE_VIEWS,
        signer=Signer(secrets.log_signing_seed),
        on_append=lambda head: waker.touched("log", str(head.org_id)),
    )


def _outbound(settings: Settings) -> OutboundClient:
    try:
        return OutboundClient(allowed_private=parse_allowed(settings.allowed_private))
    except ValueError as mistake:
        raise InvalidSettings(f"PACKSHOT_ALLOWED_PRIVATE_CIDRS: {mistake}") from None


def _demo_outbound(settings: Settings) -> OutboundClient | None:
    """A second client that may also call the demo shop; the first stays closed to it."""
    if settings.demo_shop_url is None:
        return None
    port = settings.demo_shop_url.rpartition(":")[2]
    try:
        return OutboundClient(allowed_private=parse_allowed(f"127.0.0.1/32:{port}"))
    except ValueError as mistake:
        raise InvalidSettings(f"PACKSHOT_DEMO_SHOP_URL: {mistake}") from None


def _shops(settings: Settings, secrets: Secrets, links: _Links) -> Shops:
    """The ways to shops; only that to the demo shop has the client that may reach it."""
    vault = Vault(links.pools, secrets.key_encryption_key)
    url, secret, demo_outbound = (
        settings.demo_shop_url, secrets.demo_shop_secret, links.demo_outbound
    )  # fmt: skip
    demo = None
    if demo_outbound is not None and url is not None and secret is not None:
        demo = DemoShop(url, secret, demo_outbound)
    return Shops(vault, links.outbound, demo, _now)


def _now() -> datetime:
    return datetime.now(UTC)
