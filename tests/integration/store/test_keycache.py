"""A key is found by its kid, compared whole, and asked about once in a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from domain.errors import Unauthenticated, Unavailable
from domain.key_text import BASE62, KeyText, checksum
from domain.recorded import Context
from domain.scopes import EVERY_SCOPE
from given import SECRETS, context, organizations_of
from packshot.commands.api_keys import ApiKeys, NewKey
from packshot.commands.organizations import Created
from packshot.commands.people import People
from packshot.store.events import EventStore
from packshot.store.keycache import TTL_S, KeyCache
from packshot.store.keyuse import KeyUses
from packshot.store.pool import Connection, Pools, open_pools
from packshot.store.secrets import Secrets
from services import Database


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def date(self) -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(seconds=self.now_s)


@pytest.fixture
async def created(store: EventStore) -> Created:
    return await organizations_of(store).create("Acme", actor_id="test")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(pools: Pools, clock: Clock) -> KeyCache:
    return KeyCache(pools, SECRETS, monotonic=clock, clock=clock.date)


@pytest.fixture
def api_keys(store: EventStore, keys: KeyCache, clock: Clock) -> ApiKeys:
    uses, people = KeyUses(store.pools, clock=clock.date), People(store, clock.date)
    return ApiKeys(store, SECRETS, keys, uses, people, clock.date)


async def test_a_new_organizations_key_is_known_with_every_scope(
    keys: KeyCache, created: Created
) -> None:
    record = await keys.check(created.secret)

    assert (record.org_id, record.key_id) == (created.org_id, created.key_id)
    assert record.scopes == frozenset(EVERY_SCOPE)
    assert (record.org_name, record.environment) == ("Acme", "live")
    assert created.secret.startswith(record.prefix)


async def test_a_key_with_any_other_secret_is_unknown_also_from_the_cache(
    keys: KeyCache, created: Created
) -> None:
    body = created.secret[:-6]
    last = BASE62[(BASE62.index(body[-1]) + 1) % 62]
    forged = body[:-1] + last + checksum(body[:-1] + last)

    for _ in range(2):
        with pytest.raises(Unauthenticated) as refused:
            await keys.check(forged)
        assert refused.value.code == "key_unknown"
        await keys.check(created.secret)


async def test_the_environment_in_the_text_cannot_be_exchanged(
    keys: KeyCache, created: Created
) -> None:
    body = created.secret[:-6].replace("_live_", "_test_")

    with pytest.raises(Unauthenticated):
        await keys.check(body + checksum(body))


async def test_a_mistyped_key_never_reaches_the_database(created: Created) -> None:
    nowhere = "postgresql:///packshot?host=%2Fnowhere"
    async with open_pools(nowhere, nowhere) as pools:
        keys = KeyCache(pools, SECRETS)
        with pytest.raises(Unauthenticated) as refused:
            await keys.check(created.secret[:-1] + "é")
        with pytest.raises(Unavailable):
            await keys.check(created.secret)

    assert refused.value.code == "key_malformed"


async def test_an_unknown_kid_is_unknown(keys: KeyCache) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await keys.check(KeyText.make("live").text)

    assert refused.value.code == "key_unknown"


async def test_the_database_is_asked_again_after_the_time_to_live(
    keys: KeyCache, clock: Clock, created: Created, database: Database
) -> None:
    await keys.check(created.secret)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("DELETE FROM views.api_key")
    await owner.close()

    await keys.check(created.secret)
    clock.now_s += TTL_S + 0.01
    with pytest.raises(Unauthenticated):
        await keys.check(created.secret)


class SlowPools(Pools):
    """Pools whose answers take as long as what is known of a key is believed."""

    __slots__ = ()
    clock: Clock

    @asynccontextmanager
    async def looking_up(self) -> AsyncIterator[Connection]:
        async with super().looking_up() as connection:
            yield connection
            self.clock.now_s += TTL_S + 0.01


async def test_what_is_known_of_a_key_ages_from_the_question_and_not_from_the_answer(
    pools: Pools, clock: Clock, created: Created, database: Database
) -> None:
    SlowPools.clock = clock
    keys = KeyCache(SlowPools(pools.reader, pools.writer), SECRETS, monotonic=clock)
    await keys.check(created.secret)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("DELETE FROM views.api_key")
    await owner.close()

    with pytest.raises(Unauthenticated):
        await keys.check(created.secret)


async def test_no_pepper_and_no_mac_is_shown_when_the_cache_is_printed(
    keys: KeyCache, created: Created
) -> None:
    await keys.check(created.secret)

    assert repr(SECRETS.peppers[1]) not in repr(keys._kept)
    assert "mac" not in repr(keys._kept)


async def test_the_secret_is_nowhere_in_the_database(created: Created, database: Database) -> None:
    owner = await asyncpg.connect(database.owner_url)
    dump = []
    for table in (
        "es.event",
        "es.claim",
        "views.api_key",
        "views.api_key_secret",
        "views.organization",
    ):
        dump += [row["t"] for row in await owner.fetch(f"SELECT t::text AS t FROM {table} t")]
    await owner.close()

    secret = created.secret.rsplit("_", 1)[1]
    assert dump
    assert not any(secret in row for row in dump)
    assert secret not in repr(created)


async def refused(keys: KeyCache, secret: str) -> str:
    """The code with which the key is refused."""
    with pytest.raises(Unauthenticated) as told:
        await keys.check(secret)
    return told.value.code


def forged(secret: str) -> str:
    """Another secret of the same kid."""
    body = secret[:20] + "A" * 32
    return body + checksum(body)


async def test_a_key_ends_at_its_time_to_the_moment(
    keys: KeyCache, api_keys: ApiKeys, created: Created, clock: Clock
) -> None:
    end = clock.date() + timedelta(seconds=0.5)
    wanted = NewKey("Short", "live", EVERY_SCOPE, expires_at=end)
    made = await api_keys.create(context_of(created), wanted, granted=EVERY_SCOPE)
    assert made.secret is not None
    assert (await keys.check(made.secret)).expires_at == end

    clock.now_s += 0.499
    await keys.check(made.secret)
    clock.now_s += 0.001

    for _ in range(2):
        assert await refused(keys, made.secret) == "key_expired"
    assert await refused(keys, forged(made.secret)) == "key_unknown"


async def test_after_a_rotation_both_secrets_work_until_the_grace_is_over(
    keys: KeyCache, api_keys: ApiKeys, created: Created, clock: Clock
) -> None:
    await keys.check(created.secret)
    rotated = await api_keys.rotate(
        context_of(created), created.key_id, grace_s=60, granted=EVERY_SCOPE
    )
    assert rotated.secret is not None

    for _ in range(2):
        for secret in (created.secret, rotated.secret):
            assert (await keys.check(secret)).key_id == created.key_id
        clock.now_s += 59.5
    clock.now_s += 0.5 - 59.5

    assert await refused(keys, created.secret) == "key_expired"
    assert (await keys.check(rotated.secret)).prefix == rotated.secret[:19]
    clock.now_s += 10 * 365 * 86_400
    await keys.check(rotated.secret)


async def test_no_secret_outlives_the_grace_of_a_later_rotation(
    keys: KeyCache, api_keys: ApiKeys, created: Created, clock: Clock
) -> None:
    secrets = [created.secret]
    for grace_s in (3600, 60, 7200):
        rotated = await api_keys.rotate(
            context_of(created), created.key_id, grace_s=grace_s, granted=EVERY_SCOPE
        )
        secrets.append(str(rotated.secret))
    first, second, third, newest = secrets

    clock.now_s += 60
    assert [await refused(keys, secret) for secret in (first, second)] == ["key_expired"] * 2
    await keys.check(third)
    clock.now_s += 7140
    assert await refused(keys, third) == "key_expired"
    await keys.check(newest)


async def test_without_grace_the_former_secret_is_refused_at_once(
    keys: KeyCache, api_keys: ApiKeys, created: Created
) -> None:
    await keys.check(created.secret)

    await api_keys.rotate(context_of(created), created.key_id, grace_s=0, granted=EVERY_SCOPE)

    assert await refused(keys, created.secret) == "key_expired"


async def test_a_revoked_key_is_refused_here_at_once_and_elsewhere_after_the_time_to_live(
    keys: KeyCache, api_keys: ApiKeys, pools: Pools, created: Created, clock: Clock
) -> None:
    elsewhere = KeyCache(pools, SECRETS, monotonic=clock, clock=clock.date)
    rotated = await api_keys.rotate(
        context_of(created), created.key_id, grace_s=60, granted=EVERY_SCOPE
    )
    both = (created.secret, str(rotated.secret))
    for secret in both:
        await keys.check(secret)
        await elsewhere.check(secret)

    await api_keys.revoke(context_of(created), created.key_id, reason=None)

    assert [await refused(keys, secret) for secret in both] == ["key_revoked"] * 2
    for secret in both:
        await elsewhere.check(secret)
    clock.now_s += TTL_S
    assert [await refused(elsewhere, secret) for secret in both] == ["key_revoked"] * 2
    assert await refused(elsewhere, forged(created.secret)) == "key_unknown"


def second_pepper(folder: Path) -> Secrets:
    """The same installation after its pepper was rotated: a process that starts now."""
    (folder / "pepper-2").write_text("22" * 32)
    return replace(SECRETS, peppers={**SECRETS.peppers, 2: b"\x22" * 32}, folder=folder)


async def test_keys_of_both_peppers_work_and_a_rotation_takes_the_newest(
    store: EventStore, keys: KeyCache, created: Created, clock: Clock, tmp_path: Path
) -> None:
    both = second_pepper(tmp_path)
    renewed = KeyCache(store.pools, both, monotonic=clock, clock=clock.date)
    uses, people = KeyUses(store.pools, clock=clock.date), People(store, clock.date)
    api_keys = ApiKeys(store, both, renewed, uses, people, clock.date)
    assert (await renewed.check(created.secret)).key_id == created.key_id
    new = NewKey("New", "live", EVERY_SCOPE, None)
    made = await api_keys.create(context_of(created), new, granted=EVERY_SCOPE)
    rotated = await api_keys.rotate(
        context_of(created), created.key_id, grace_s=60, granted=EVERY_SCOPE
    )

    for secret in (made.secret, rotated.secret, created.secret):
        await renewed.check(str(secret))

    events = await store.read(created.org_id)
    peppers = [event.data["pepper_id"] for event in events if "pepper_id" in event.data]
    assert peppers == [1, 2, 2]
    before = Secrets(dict(SECRETS.peppers), b"", b"", folder=tmp_path)
    started_before = KeyCache(store.pools, before, monotonic=clock, clock=clock.date)
    await started_before.check(str(made.secret))
    without = Secrets(dict(SECRETS.peppers), b"", b"", folder=tmp_path / "elsewhere")
    lacking = KeyCache(store.pools, without, monotonic=clock, clock=clock.date)
    with pytest.raises(Unavailable):
        await lacking.check(str(made.secret))
    await lacking.check(created.secret)


def context_of(created: Created) -> Context:
    return context(created.org_id)
