"""Random histories of everything that the product records: for tests that hold for any history.

A new aggregate, or a new verb, is added to ``LIVES``; the tests that use it fail until it is.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from eventsourcing.domain import Aggregate

from domain.api_key import ApiKey
from domain.catalog_sync import CatalogSync, item_id_of
from domain.connection import Connection
from domain.errors import Refusal, Unavailable
from domain.ids import (
    IntegrationId,
    InviteId,
    JobId,
    KeyId,
    OrgId,
    OutputId,
    PublishId,
    SyncId,
    TeamId,
    UserId,
)
from domain.invite import Invite
from domain.job import Cost, Job
from domain.key_limit import RateLimit
from domain.key_text import KeyText
from domain.listing import ListingPlan, Target, Wish
from domain.membership import Membership
from domain.org_limits import OrgLimits
from domain.organization import Organization
from domain.publish import Publish
from domain.recorded import Actor
from domain.roles import Role
from domain.scopes import Scope
from domain.team import Team, TeamRole
from domain.tenant import Tenant
from domain.user import User
from given import context, requested_job
from makers import a_connection, an_output
from packshot.store.codec import event_classes, topic_of
from packshot.store.events import EventStore
from packshot.wiring import AGGREGATES

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = ("Acme", "Größe 42", "写真", "'; --", "$")
PEOPLE = (UserId.new(), UserId.new())
ISSUERS = ("https://one.example", "https://two.example")
SKUS = ("MUG", "BOTTLE", "LAMP", "GRANOLA")


@dataclass(slots=True)
class World:
    """An organization in which things happen; ``shops`` are those that it has connected."""

    rng: Random
    org_id: OrgId = field(default_factory=OrgId.new)
    shops: list[IntegrationId] = field(default_factory=lambda: [IntegrationId.new()])

    def name(self) -> str:
        """Something to call a thing."""
        return self.rng.choice(NAMES)

    def refusal(self) -> Refusal:
        """A reason why something failed."""
        return Unavailable("overloaded", self.name(), fix="Again.")


Verb = Callable[[Any, World], None]


@dataclass(frozen=True, slots=True)
class Life:
    """How an aggregate begins and what can happen to it; a verb that it refuses did not happen.

    ``at_once`` is how many events of it one append may hold.
    """

    begin: Callable[[World], Aggregate]
    verbs: Sequence[Verb]
    at_once: int = 3


def _key(world: World) -> ApiKey:
    return ApiKey.issue(
        KeyId.new(), name=world.name(), text=KeyText.make("live"), mac=world.rng.randbytes(32),
        pepper_id=1, scopes=("jobs:read", "activity:read"),
        expires_at=world.rng.choice([None, AT + timedelta(days=300)]),
        responsible_id=world.rng.choice([None, UserId.new()]),
        team_id=world.rng.choice([None, TeamId.new()]),
        rate_limit=world.rng.choice([None, RateLimit(7, 60)]),
    )  # fmt: skip


def _rotated(key: ApiKey, world: World) -> None:
    text, mac = KeyText.make("live"), world.rng.randbytes(32)
    key.rotate(text, mac=mac, pepper_id=1, grace_s=world.rng.choice([0, 3600]), at=AT)


def _limits(world: World) -> OrgLimits:
    return OrgLimits(burst=world.rng.randint(1, 9), monthly_pictures=world.rng.choice([None, 7]))


def _job(world: World) -> Job:
    return requested_job(
        sku=world.rng.choice([None, *SKUS]), items=world.rng.choice([None, 2]),
        batch_id=world.rng.choice([None, JobId.new()]), recipe={"$": "dict", "is": [1.5, None]},
    )  # fmt: skip


def _postponed(job: Job, world: World) -> None:
    costs: tuple[Cost, ...] = ("nothing", "try", "renderer")
    job.postpone(world.refusal(), not_before=AT, cost=world.rng.choice(costs))


def _connected(world: World) -> Connection:
    connection = a_connection(name=world.name())
    world.shops.append(connection.integration_id)
    return connection


def _page(sync: CatalogSync, world: World) -> None:
    skus = world.rng.sample(SKUS, world.rng.randint(0, len(SKUS)))
    shop = sync.integration_id
    items = [
        {"item_id": str(item_id_of(shop, sku).uuid), "integration_id": str(shop.uuid),
         "remote_id": sku, "sku": sku, "title": world.name(), "url": None,
         "images": [{"remote_id": "i", "slot": "main"}], "digest": world.rng.choice("ab"),
         "updated_at": world.rng.choice([None, AT.isoformat()])}
        for sku in skus
    ]  # fmt: skip
    sync.fetch(cursor=world.rng.choice(["next", None]), items=items, seen=len(items))


def _removed(sync: CatalogSync, world: World) -> None:
    sync.remove([item_id_of(sync.integration_id, sku).uuid for sku in world.rng.sample(SKUS, 2)])


def _publish(world: World) -> Publish:
    is_undo = world.rng.random() < 0.2
    brought: dict[str, Any] = (
        {"undo_of": PublishId.new()} if is_undo
        else {"output_id": OutputId.new(), "output_sha256": "2" * 64}
    )  # fmt: skip
    wish = Wish(
        world.rng.choice(world.shops), Target(world.rng.choice(SKUS), slot="main"), **brought
    )
    return Publish.request(PublishId.new(), wish, job_id=JobId.new())


def _image(world: World) -> dict[str, Any]:
    return {"remote_id": world.rng.choice(["i1", "i2"]), "slot": "main", "sha256": "2" * 64}


def _planned(publish: Publish, world: World) -> None:
    before, after = _image(world), _image(world)
    step = {"op": "upload", "slot": "main", "before": before, "after": after}
    publish.plan(ListingPlan({"remote_id": "r", "title": world.name()}, "d1", [before], [step]))


def _live(publish: Publish, world: World) -> None:
    remote = {"integration_id": str(publish.wish.integration_id), "sha256": "2" * 64}
    told = world.rng.choice([None, {**remote, "remote_id": world.rng.choice(["i1", "i2"])}])
    publish.succeed(digest="d2", after=[_image(world)], remote=told)


def _undone(publish: Publish, _world: World) -> None:
    publish.roll_back(by=publish.undone_by or PublishId.new())


def _seldom(verb: Verb) -> Verb:
    """What ends most lives that it happens in."""

    def seldom(one: Any, world: World) -> None:
        if world.rng.random() < 0.3:
            verb(one, world)

    return seldom


LIVES: dict[type[Aggregate], Life] = {
    Organization: Life(
        lambda world: Organization.create(world.org_id, name=world.name()),
        [
            lambda one, _: one.rotate_webhook_secret(),
            lambda one, world: one.rename(world.rng.choice(NAMES)),
            lambda one, world: one.suspend(world.name()),
            lambda one, _: one.resume(),
            lambda one, world: one.limit(_limits(world)),
            lambda one, _: one.close(at=AT),
            lambda one, _: one.reopen(at=AT),
        ],
        at_once=1,
    ),
    Tenant: Life(
        lambda world: Tenant.enroll(OrgId.new(), name=world.name()),
        [
            lambda one, _: one.found(),
            lambda one, world: one.suspend(world.name()),
            lambda one, _: one.resume(),
            lambda one, world: one.limit(_limits(world)),
            lambda one, _: one.close(),
            lambda one, _: one.reopen(),
        ],
    ),
    Team: Life(
        lambda world: Team.create(TeamId.new(), name=world.name()),
        [
            lambda one, world: one.rename(world.name()),
            *[lambda one, world: one.put_member(PEOPLE[0], world.rng.choice(list(TeamRole)))] * 3,
            lambda one, world: one.put_member(PEOPLE[1], world.rng.choice(list(TeamRole))),
            lambda one, world: one.remove_member(world.rng.choice(PEOPLE)),
            _seldom(lambda one, _: one.delete()),
        ],
        at_once=1,
    ),
    User: Life(
        lambda _: User.register(UserId.new()),
        [
            lambda one, _: one.set_password(),
            lambda one, _: one.offer_password_reset(),
            lambda one, _: one.reset_password(),
            lambda one, world: one.link_oidc(world.rng.choice(ISSUERS)),
            lambda one, world: one.unlink_oidc(world.rng.choice(ISSUERS)),
            lambda one, _: one.disable(),
            lambda one, _: one.enable(),
            _seldom(lambda one, _: one.erase()),
        ],
    ),
    Membership: Life(
        lambda world: Membership.begin(world.org_id, UserId.new(), Role.MEMBER),
        [
            lambda one, world: one.change_role(world.rng.choice(list(Role))),
            lambda one, _: one.offer_password_reset(),
            lambda one, _: one.end(),
        ],
    ),
    Invite: Life(
        lambda _: Invite.send(InviteId.new(), role=Role.ADMIN, expires_at=AT),
        [
            lambda one, _: one.accept(UserId.new(), at=AT - timedelta(days=1)),
            lambda one, _: one.withdraw(),
        ],
    ),
    ApiKey: Life(
        _key,
        [
            lambda one, world: one.rename(world.name()),
            _rotated,
            lambda one, _: one.adopt(UserId.new(), at=AT),
            lambda one, world: one.rescope((world.rng.choice(list(Scope)),), at=AT),
            lambda one, world: one.reschedule(
                AT + timedelta(days=world.rng.choice([10, 300])), at=AT
            ),
            lambda one, world: one.confine(world.rng.choice([(), ("10.0.0.0/8",)]), at=AT),
            lambda one, world: one.limit(world.rng.choice([None, RateLimit(9, 1)]), at=AT),
            lambda one, _: one.announce_end(AT + timedelta(days=290)),
            _seldom(lambda one, _: one.announce_end(AT + timedelta(days=301))),
            _seldom(lambda one, world: one.revoke(world.rng.choice([None, world.name()]))),
        ],
        at_once=1,
    ),
    Job: Life(
        _job,
        [
            lambda one, world: one.queue(not_before=world.rng.choice([None, AT])),
            lambda one, _: one.start(),
            lambda one, world: one.postpone(
                world.refusal(),
                not_before=AT,
                cost=world.rng.choice(["nothing", "try", "renderer"]),
            ),
            lambda one, _: one.interrupt(),
            lambda one, world: one.succeed([an_output()], cached=world.rng.random() < 0.3),
            lambda one, _: one.succeed_partly(succeeded=1, unsuccessful=1),
            lambda one, world: one.fail(world.refusal(), of="req_1"),
            lambda one, _: one.cancel(),
            lambda one, _: one.retry(),
        ],
    ),
    Connection: Life(
        _connected,
        [
            lambda one, world: one.rename(world.name()),
            lambda one, _: one.rotate_credentials(
                account="A", fingerprint="00", hint="abcd", given_by=Actor("user", "usr_ada")
            ),
            lambda one, world: one.fail(world.refusal()),
            lambda one, _: one.recover(),
            lambda one, _: one.request_sync(SyncId.new(), job_id=JobId.new()),
            lambda one, _: one.disconnect(),
        ],
    ),
    CatalogSync: Life(
        lambda world: CatalogSync.start(SyncId.new(), integration_id=world.rng.choice(world.shops)),
        [
            _page,
            _page,
            _removed,
            lambda one, _: one.finish(items=2),
            lambda one, world: one.fail(world.refusal()),
            lambda one, _: one.resume(),
        ],
    ),
    Publish: Life(
        _publish,
        [
            *[_planned] * 2,
            *[lambda one, _: one.start()] * 2,
            lambda one, world: one.submit({"id": world.name()}, pending=world.rng.random() < 0.5),
            *[_live] * 2,
            _seldom(lambda one, world: one.fail(world.refusal(), of="req_1")),
            lambda one, world: one.doubt(world.refusal(), of="req_1"),
            _seldom(lambda one, world: one.drift(digest="d3", found=[_image(world)])),
            *[lambda one, _: one.recover()] * 3,
            lambda one, _: one.retry(JobId.new()),
            lambda one, _: one.request_undo(by=PublishId.new(), earlier=None),
            _undone,
        ],
    ),
}


def life_of(kind: type[Aggregate]) -> Life:
    """How aggregates of that kind live."""
    assert kind in LIVES, f"tests/histories.py: LIVES lacks {kind.__name__}"
    return LIVES[kind]


def topics_of(kind: type[Aggregate]) -> set[str]:
    """What can happen to aggregates of that kind, but for creations that are never recorded."""
    return {
        topic_of(one)
        for one in event_classes(kind)
        if one.__name__ != "Created" or vars(one).get("__annotations__")
    }


def act(aggregate: Aggregate, world: World) -> None:
    """Do something with it, perhaps in vain."""
    with suppress(Refusal):
        world.rng.choice(life_of(type(aggregate)).verbs)(aggregate, world)


def lived(kind: type[Aggregate], world: World, *, verbs: int) -> Aggregate:
    """An aggregate with a life behind it, nothing of it saved."""
    aggregate = life_of(kind).begin(world)
    for _ in range(verbs):
        act(aggregate, world)
    return aggregate


async def record_everything(store: EventStore, *, seed: int) -> World:
    """Record a random history in which everything that can happen has happened."""
    world = World(Random(seed))
    organization = life_of(Organization).begin(world)
    begun: list[Aggregate] = [organization]
    await store.open_log(context(world.org_id), organization)
    left = {kind: topics_of(kind) for kind in AGGREGATES}
    left[Organization].discard(topic_of(Organization.Created))
    for _ in range(6000):
        wanting = [kind for kind in AGGREGATES if left[kind]]
        if not wanting:
            return world
        kind = world.rng.choice(wanting)
        known = [one for one in begun if type(one) is kind]
        if kind is not Organization and (not known or world.rng.random() < 0.15):
            begun.append(life_of(kind).begin(world))
            known = begun[-1:]
        # Older ones are left alone: most have come to an end that they cannot leave.
        await _go_on(store, world, world.rng.choice(known[-3:]), left)
    raise AssertionError(f"tests/histories.py: nothing in LIVES leads to {left}")


async def _go_on(
    store: EventStore, world: World, aggregate: Aggregate, left: dict[Any, set[str]]
) -> None:
    """Let an aggregate live on a little, and save what came of it in one append."""
    most = life_of(type(aggregate)).at_once
    while len(aggregate.pending_events) < most and world.rng.random() < 0.7:
        act(aggregate, world)
    if aggregate.pending_events:
        left[type(aggregate)] -= {topic_of(type(one)) for one in aggregate.pending_events}
        await store.save(context(world.org_id), aggregate)
