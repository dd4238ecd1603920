"""Snapshots change what a load costs, and nothing of what it says."""

from random import Random
from typing import Any

import asyncpg
import pytest
from eventsourcing.domain import Aggregate
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from domain.errors import NotFound
from domain.ids import OrgId, UserId
from domain.organization import Organization
from domain.user import User
from given import context, founded, requested_job
from histories import World, act, lived
from packshot.store import snapshots, streams
from packshot.store.events import EventStore
from packshot.store.snapshots import fold_version
from packshot.store.states import from_json, to_json
from packshot.wiring import AGGREGATES
from services import Database

EVERY = 5


@pytest.fixture(autouse=True)
def snapshots_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SNAPSHOT_EVERY", EVERY)


def folded(events: list[Any], onto: Any = None) -> Any:
    for event in events:
        onto = event.mutate(onto)
    return onto


@pytest.mark.parametrize("kind", AGGREGATES, ids=lambda kind: kind.__name__)
@settings(max_examples=25, deadline=None)
@for_any(seed=st.integers(0, 2**32), cut=st.floats(0, 1))
def test_a_fold_that_begins_with_a_state_ends_where_the_whole_fold_ends(
    kind: type[Aggregate], seed: int, cut: float
) -> None:
    events = lived(kind, World(Random(seed)), verbs=30).collect_events()
    first = 1 + int(cut * (len(events) - 1))
    whole = folded(list(events))
    state = to_json(vars(folded(list(events[:first]))))

    remembered = kind.__new__(kind)
    remembered.__dict__.update(from_json(state))

    assert vars(folded(list(events[first:]), remembered)) == vars(whole)


@pytest.mark.parametrize("kind", AGGREGATES, ids=lambda kind: kind.__name__)
async def test_load_with_a_snapshot_equals_load_without(
    store: EventStore, database: Database, kind: type[Aggregate]
) -> None:
    world = World(Random(7))
    if kind is Organization:
        aggregate = Organization.create(world.org_id, name="Acme")
        await store.open_log(context(world.org_id), aggregate)
    else:
        world.org_id = await founded(store, "Acme")
        aggregate = lived(kind, world, verbs=0)
    owner = await asyncpg.connect(database.owner_url)
    used = 0
    for _ in range(2 * EVERY):
        await lives_on(store, aggregate, world)
        loaded = await store.load(kind, org_id=world.org_id, stream_id=aggregate.id)
        await store.snapshots.settle()
        used += await owner.fetchval("SELECT count(*) FROM es.snapshot")
        await owner.execute("DELETE FROM es.snapshot WHERE random() < 0.2")
        assert vars(loaded) == vars(aggregate)
        aggregate = loaded
    await owner.close()
    assert used > 0 or aggregate.version <= EVERY


async def lives_on(store: EventStore, aggregate: Aggregate, world: World) -> None:
    """Something happens to it, unless its life is over, and is saved."""
    for _ in range(30):
        if not aggregate.pending_events:
            act(aggregate, world)
    if aggregate.pending_events:
        await store.save(context(world.org_id), aggregate)


@pytest.fixture
async def a_long_stream(store: EventStore, org_id: OrgId) -> User:
    """A person who changed the password often, and was loaded since."""
    user = await recorded_user(store, org_id, changes=8)
    await store.load(User, org_id=org_id, stream_id=user.id)
    await store.snapshots.settle()
    return user


async def recorded_user(store: EventStore, org_id: OrgId, *, changes: int) -> User:
    user = User.register(UserId.new())
    for _ in range(changes):
        user.set_password()
    await store.save(context(org_id), user)
    return user


async def changed_state(owner: Any, old: str, new: str) -> None:
    """Change what the snapshots say, as somebody could who may write to the database."""
    await owner.execute(
        "UPDATE es.snapshot SET state = replace(state::text, $1, $2)::json", old, new
    )


async def test_a_long_stream_is_read_from_its_snapshot_on(
    store: EventStore, org_id: OrgId, a_long_stream: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = store.codec.decode
    monkeypatch.setattr(
        store.codec, "decode", lambda event: decoded.append(event.version) or decode(event)
    )
    a_long_stream.set_password()
    await store.save(context(org_id), a_long_stream)

    loaded = await store.load(User, org_id=org_id, stream_id=a_long_stream.id)
    [among_many] = await store.load_many(User, org_id=org_id, stream_ids=[a_long_stream.id])

    assert decoded == [10, 10]
    assert loaded.password_changes == among_many.password_changes == 9


async def test_a_short_stream_has_no_snapshot(
    store: EventStore, database: Database, org_id: OrgId
) -> None:
    user = await recorded_user(store, org_id, changes=EVERY - 1)

    await store.load(User, org_id=org_id, stream_id=user.id)
    await store.snapshots.settle()

    assert await kept(database) == []


async def test_an_earlier_version_is_told_although_the_snapshot_is_newer(
    store: EventStore, org_id: OrgId, a_long_stream: User
) -> None:
    earlier = await store.load(User, org_id=org_id, stream_id=a_long_stream.id, up_to=4)

    assert earlier.password_changes == 3


async def test_what_other_code_folded_is_not_used_and_is_replaced(
    store: EventStore, database: Database, org_id: OrgId, a_long_stream: User
) -> None:
    [before] = await kept(database)
    store.snapshots.fold = "0123456789abcdef"

    loaded = await store.load(User, org_id=org_id, stream_id=a_long_stream.id)
    await store.snapshots.settle()

    [after] = await kept(database)
    assert loaded.password_changes == 8
    assert before["fold"] == fold_version()
    assert after["fold"] == "0123456789abcdef"


def test_the_fold_has_another_name_when_any_source_of_the_domain_is_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "job.py").write_text("tries_left = 5\n")
    monkeypatch.setattr(snapshots, "files", lambda _: tmp_path)
    first = fold_version()
    snapshots._hash_of.cache_clear()
    (tmp_path / "job.py").write_text("tries_left = 6\n")

    assert fold_version() != first


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"password_changes":8', '"password_changes":7'),
        ('"kind":"User"', '"kind":"Job"'),
        (',"password_changes":8', ""),
    ],
)
async def test_a_changed_snapshot_is_ignored_told_and_replaced(
    store: EventStore, database: Database, org_id: OrgId, a_long_stream: User, old: str, new: str
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await changed_state(owner, old, new)

    with capture_logs() as told:
        loaded = await store.load(User, org_id=org_id, stream_id=a_long_stream.id)
    await store.snapshots.settle()
    with capture_logs() as told_again:
        again = await store.load(User, org_id=org_id, stream_id=a_long_stream.id)

    assert loaded.password_changes == again.password_changes == 8
    assert [line["event"] for line in told] == ["snapshot_ignored"]
    assert told_again == []
    await owner.close()


async def test_a_snapshot_of_another_stream_counts_for_nothing(
    store: EventStore, database: Database, org_id: OrgId, a_long_stream: User
) -> None:
    other = await recorded_user(store, org_id, changes=2)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("UPDATE es.snapshot SET stream_id = $1", other.id)
    await owner.close()

    loaded = await store.load(User, org_id=org_id, stream_id=other.id)

    assert loaded.password_changes == 2


async def test_a_snapshot_that_is_ahead_of_the_log_counts_for_nothing(
    store: EventStore, database: Database, org_id: OrgId, a_long_stream: User
) -> None:
    """As after the log was restored from an older backup, and the snapshot was not."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute(
        "DELETE FROM es.event WHERE stream_id = $1 AND version > 6", a_long_stream.id
    )
    await owner.close()

    loaded = await store.load(User, org_id=org_id, stream_id=a_long_stream.id)

    assert loaded.password_changes == 5


async def test_a_snapshot_that_cannot_be_written_costs_nobody_anything(
    store: EventStore, database: Database, org_id: OrgId
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("REVOKE INSERT ON es.snapshot FROM packshot_writer")
    await owner.close()
    user = await recorded_user(store, org_id, changes=8)

    loaded = await store.load(User, org_id=org_id, stream_id=user.id)
    with capture_logs() as told:
        await store.snapshots.settle()

    assert loaded.password_changes == 8
    assert [line["event"] for line in told] == ["snapshot_not_written"]


async def test_a_slower_load_does_not_put_an_older_snapshot_over_a_newer(
    store: EventStore, database: Database, org_id: OrgId, a_long_stream: User
) -> None:
    earlier = await store.load(User, org_id=org_id, stream_id=a_long_stream.id, up_to=4)

    store.snapshots.keep(org_id, earlier, event_id=a_long_stream.id)
    await store.snapshots.settle()

    assert [row["version"] for row in await kept(database)] == [9]


async def test_another_organizations_stream_is_not_found_by_its_snapshot(
    store: EventStore, a_long_stream: User
) -> None:
    other = await founded(store, "Other")

    with pytest.raises(NotFound):
        await store.load(User, org_id=other, stream_id=a_long_stream.id)


def test_a_state_of_a_class_without_a_name_is_refused() -> None:
    with pytest.raises(TypeError, match="no name"):
        to_json({"job": requested_job()})


async def kept(database: Database) -> list[Any]:
    owner = await asyncpg.connect(database.owner_url)
    try:
        return list(await owner.fetch("SELECT * FROM es.snapshot"))
    finally:
        await owner.close()
