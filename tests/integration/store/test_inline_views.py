"""A view is right if replaying the log gives the rows that living gave."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from domain.api_key import ApiKey
from domain.ids import InviteId, OrgId, TeamId, UserId
from domain.invite import Invite
from domain.job import Job
from domain.key_limit import RateLimit
from domain.key_text import KeyText
from domain.membership import Membership
from domain.org_limits import OrgLimits
from domain.organization import Organization
from domain.roles import Role
from domain.scopes import Scope
from domain.team import Team, TeamRole
from given import context, founded, organizations_of, requested_job, store_of
from makers import a_connection, a_live_publish, a_synced_catalog, an_output
from packshot.commands.organizations import Created
from packshot.store.append import rows_argument
from packshot.store.events import EventStore, recorded
from packshot.store.pool import Pools
from packshot.wiring import INLINE_VIEWS
from projections.outputs import cache_key_of, find_cached, find_output
from projections.projection import InlineView
from services import Database


@pytest.mark.parametrize("view", INLINE_VIEWS, ids=lambda view: view.name)
async def test_replay_equals_living(
    store: EventStore, database: Database, view: InlineView
) -> None:
    acme = await organizations_of(store).create("Acme", actor_id="test")
    await change_key(store, acme)
    await connect_shops(store, acme.org_id)
    org_id = await founded(store, "Other")
    for cached in (False, True, False):
        job = requested_job()
        job.start()
        job.succeed([an_output()], cached=cached)
        await store.save(context(org_id), job, a_live_publish())

    membership = Membership.begin(org_id, UserId.new(), Role.MEMBER)
    invite = Invite.send(InviteId.new(), role=Role.ADMIN, expires_at=datetime.now(UTC))
    await store.save(context(org_id), membership, invite)
    membership.change_role(Role.ADMIN)
    membership.end()
    invite.withdraw()
    await store.save(context(org_id), membership, invite)

    await change_organization(store, org_id)
    await change_teams(store, org_id)

    owner = await asyncpg.connect(database.owner_url)
    table = f"views.{view.name}"
    living = await owner.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")
    await owner.execute(f"DELETE FROM {table}")
    await replay(owner, view)
    replayed = await owner.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")
    await replay(owner, view)
    again = await owner.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")
    await owner.close()

    assert living
    assert replayed == living
    assert again == living


async def change_key(store: EventStore, acme: Created) -> None:
    """Everything that can happen to a key, one after another."""
    text, at = KeyText.make("live"), datetime(2026, 11, 22, tzinfo=UTC)
    for verb in (
        lambda key: key.rename("Shop"),
        lambda key: key.rotate(text, mac=b"1", pepper_id=1, grace_s=3600, at=at),
        lambda key: key.rename("Shop of Acme"),
        lambda key: key.adopt(UserId.new(), at=at),
        lambda key: key.rescope((Scope.FILES_READ,), at=at),
        lambda key: key.reschedule(datetime(2100, 1, 1, tzinfo=UTC), at=at),
        lambda key: key.confine(("10.0.0.0/8", "::1/128"), at=at),
        lambda key: key.limit(RateLimit(7, 60), at=at),
        lambda key: key.announce_end(datetime(2099, 12, 20, tzinfo=UTC)),
        lambda key: key.announce_end(datetime(2100, 1, 1, tzinfo=UTC)),
        lambda key: key.reschedule(None, at=at),
        lambda key: key.limit(None, at=at),
        lambda key: key.confine((), at=at),
        lambda key: key.revoke("leaked"),
    ):
        await store.change(context(acme.org_id), ApiKey, stream_id=acme.key_id.uuid, verb=verb)


async def change_organization(store: EventStore, org_id: OrgId) -> None:
    """Everything that can happen to an organization, one after another."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for verb in (
        lambda one: one.rename("Another"),
        lambda one: one.limit(OrgLimits(at_once=2)),
        lambda one: one.suspend("Unpaid"),
        lambda one: one.rename("Yet another"),
        lambda one: one.resume(),
        lambda one: one.close(at=at),
        lambda one: one.reopen(at=at),
        lambda one: one.suspend("Unpaid again"),
    ):
        await store.change(context(org_id), Organization, stream_id=org_id.uuid, verb=verb)


async def change_teams(store: EventStore, org_id: OrgId) -> None:
    """A team whose member comes, leads, goes and comes back, and one that was deleted."""
    team, ended = (Team.create(TeamId.new(), name=name) for name in ("Shoes", "Hats"))
    ann = UserId.new()
    await store.save(context(org_id), team)
    await store.save(context(org_id), ended)
    for verb in (
        lambda one: one.put_member(ann, TeamRole.MEMBER),
        lambda one: one.put_member(ann, TeamRole.LEAD),
        lambda one: one.rename("Boots"),
        lambda one: one.remove_member(ann),
        lambda one: one.put_member(ann, TeamRole.MEMBER),
    ):
        verb(team)
        await store.save(context(org_id), team)
    ended.delete()
    await store.save(context(org_id), ended)


async def connect_shops(store: EventStore, org_id: OrgId) -> None:
    """A connection that has read its catalog twice, and one that is over."""
    connection, ended = a_connection(), a_connection()
    ended.disconnect()
    await store.save(context(org_id), connection, ended)
    for skus in (("A", "B"), ("B",)):
        await store.save(context(org_id), a_synced_catalog(connection, *skus))


async def replay(owner: Any, view: InlineView) -> None:
    """Run the view's own statement over every event, as the append would have."""
    for row in await owner.fetch("SELECT * FROM es.event ORDER BY tenant_id, seq"):
        if row["type"] in view.topics:
            rows = rows_argument(view.rows(recorded(row)))
            head = "WITH head AS (SELECT $1::uuid AS tenant_id) "
            await owner.execute(
                head + view.statement.format(rows="$2::json"), row["tenant_id"], rows
            )


async def test_an_output_is_found_by_id_and_by_what_it_was_made_from(
    store: EventStore, pools: Pools, org_id: OrgId
) -> None:
    output = an_output(sku="SKU-1")
    await store.save(context(org_id), succeeded(output))

    async with pools.reading(org_id) as connection:
        by_id = await find_output(
            connection, tenant_id=org_id.uuid, output_id=output.output_id.uuid
        )
        by_key = await find_cached(connection, tenant_id=org_id.uuid, key=cache_key_of(output))

    assert by_id == output
    assert by_key == output


async def test_the_first_of_two_equal_outputs_is_the_cached_one(
    store: EventStore, pools: Pools, org_id: OrgId
) -> None:
    first, second = an_output(), an_output()
    for output in (first, second):
        await store.save(context(org_id), succeeded(output))

    async with pools.reading(org_id) as connection:
        found = await find_cached(connection, tenant_id=org_id.uuid, key=cache_key_of(second))

    assert found == first


async def test_another_organizations_output_is_not_found(
    store: EventStore, pools: Pools, org_id: OrgId
) -> None:
    output = an_output()
    await store.save(context(org_id), succeeded(output))
    other = await founded(store, "Other")

    async with pools.reading(other) as connection:
        assert not await find_output(
            connection, tenant_id=org_id.uuid, output_id=output.output_id.uuid
        )
        assert not await find_cached(connection, tenant_id=org_id.uuid, key=cache_key_of(output))


async def test_a_version_conflict_leaves_no_row_in_a_view(
    store: EventStore, database: Database, org_id: OrgId
) -> None:
    job = requested_job()
    job.start()
    await store.save(context(org_id), job)
    first, second = [await store.load(Job, org_id=org_id, stream_id=job.id) for _ in range(2)]
    first.succeed([an_output()], cached=False)
    second.succeed([an_output()], cached=False)
    await store_of(store.pools).save(context(org_id), first)

    with pytest.raises(Exception, match="version_conflict"):
        await store.save(context(org_id), second)

    owner = await asyncpg.connect(database.owner_url)
    assert await owner.fetchval("SELECT count(*) FROM views.output") == 1
    await owner.close()


def succeeded(output: Any) -> Job:
    job = requested_job()
    job.start()
    job.succeed([output], cached=False)
    return job
