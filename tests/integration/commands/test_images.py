"""A photo becomes an output, an event and two blobs - or nothing at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import InvalidImage, NotFound
from domain.ids import OrgId, OutputId
from domain.recorded import Recorded
from given import context, founded
from imaging.recipe import Recipe
from packshot.commands.images import Images, Processed
from packshot.commands.making import Maker, Photo, Wish
from packshot.render.pool import RenderPool
from packshot.store.blobs import Blobs
from packshot.store.events import EventStore
from packshot.store.wake import Waker
from pictures import encoded, truncated
from services import RunningServices

WISH = Wish(Recipe(width_px=300, height_px=300), sku="SKU-1")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def images(
    store: EventStore, servers: RunningServices, tmp_path: Path
) -> AsyncIterator[Images]:
    pool = RenderPool(2)
    await pool.start()
    blobs = Blobs(tmp_path)
    waker = Waker(servers.redis_url)
    yield Images(store, blobs, Maker(store.pools, blobs, pool, clock=lambda: NOW), waker)
    await waker.close()
    await pool.stop()


def spooled(images: Images, content: bytes) -> Photo:
    path = images.blobs.temporary("upload")
    path.write_bytes(content)
    return Photo(path, hashlib.sha256(content).hexdigest(), len(content))


async def process(images: Images, org_id: OrgId, wish: Wish = WISH) -> Processed:
    photo = spooled(images, encoded("jpeg"))
    try:
        return await images.process(context(org_id), photo, wish)
    finally:
        photo.path.unlink(missing_ok=True)


async def events(images: Images, org_id: OrgId) -> list[Recorded]:
    return (await images.store.read(org_id))[1:]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_photo_becomes_an_output_that_its_job_recorded(
    images: Images, org_id: OrgId
) -> None:
    processed = await process(images, org_id)

    history = await events(images, org_id)
    assert [event.type for event in history] == [
        "job.requested.v1",
        "job.started.v1",
        "job.succeeded.v1",
    ]
    (recorded,) = history[-1].data["outputs"]
    assert recorded == processed.output.as_dict()
    assert (processed.cached, processed.head.position) == (False, 4)
    assert processed.output.sku == "SKU-1"


async def test_the_bytes_of_an_output_lie_under_their_hash(images: Images, org_id: OrgId) -> None:
    output = (await process(images, org_id)).output

    content = images.content_path(org_id, output).read_bytes()

    assert hashlib.sha256(content).hexdigest() == output.bytes_sha256
    assert len(content) == output.size_bytes


async def test_the_photo_itself_is_kept_and_the_spool_is_empty(
    images: Images, org_id: OrgId
) -> None:
    output = (await process(images, org_id)).output

    assert images.blobs.holds(org_id, output.source["sha256"])
    assert files(images.blobs.spool) == []


async def test_the_same_wish_again_is_answered_from_the_first_and_recorded(
    images: Images, org_id: OrgId
) -> None:
    first = await process(images, org_id)
    again = await process(images, org_id, Wish(WISH.recipe, client_ref="order 7"))

    assert again.cached
    assert again.output == first.output
    history = await events(images, org_id)
    assert [event.data["cached"] for event in history if "cached" in event.data] == [False, True]
    assert history[3].data["client_ref"] == "order 7"


async def test_another_recipe_is_another_output(images: Images, org_id: OrgId) -> None:
    first = await process(images, org_id)
    other = await process(images, org_id, Wish(Recipe(width_px=301, height_px=300)))

    assert not other.cached
    assert other.output.output_id != first.output.output_id


async def test_another_organization_shares_nothing(
    images: Images, store: EventStore, org_id: OrgId
) -> None:
    ours = await process(images, org_id)
    other = await founded(store, "Other")
    theirs = await process(images, other)

    assert not theirs.cached
    with pytest.raises(NotFound):
        await images.find_output(other, ours.output.output_id)


async def test_equal_requests_at_the_same_time_share_one_render(
    images: Images, org_id: OrgId
) -> None:
    results = await asyncio.gather(*(process(images, org_id) for _ in range(4)))

    assert len({result.output.output_id for result in results}) == 1
    assert sorted(result.cached for result in results) == [False, True, True, True]
    assert len({result.job_id for result in results}) == 4
    assert sum(child.renders for child in images.maker.pool.children) == 1
    assert len(await events(images, org_id)) == 4 * 3
    assert images.flights.under_way == {}


async def test_what_a_unit_of_work_made_is_gone_with_it(images: Images, org_id: OrgId) -> None:
    async def make_and_think_better_of_it() -> None:
        async with images.store.together():
            await process(images, org_id)
            raise InvalidImage("malformed_image", "No, rather not.")

    with pytest.raises(InvalidImage):
        await make_and_think_better_of_it()

    assert await events(images, org_id) == []
    assert not (await process(images, org_id)).cached


@pytest.mark.parametrize("content", [b"", b"no picture", truncated("jpeg"), truncated("png")])
async def test_a_picture_that_cannot_be_used_leaves_nothing(
    images: Images, org_id: OrgId, content: bytes
) -> None:
    photo = spooled(images, content)

    with pytest.raises(InvalidImage):
        await images.process(context(org_id), photo, WISH)

    assert await events(images, org_id) == []
    assert files(images.blobs.root) == []
    assert files(images.blobs.spool) == [photo.path]
    assert images.flights.under_way == {}


async def test_work_that_was_begun_is_finished_when_its_caller_goes_away(
    images: Images, org_id: OrgId
) -> None:
    task = asyncio.create_task(process(images, org_id))
    while not images.flights.under_way:
        await asyncio.sleep(0)
    (flight,) = images.flights.under_way.values()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    finished = await flight.landed

    assert (await events(images, org_id))[-1].type == "job.succeeded.v1"
    assert (await process(images, org_id)).output == finished.output
    assert files(images.blobs.spool) == []


async def test_an_output_whose_bytes_are_lost_is_made_again(images: Images, org_id: OrgId) -> None:
    first = (await process(images, org_id)).output
    images.content_path(org_id, first).unlink()

    again = await process(images, org_id)

    assert not again.cached
    assert again.output.bytes_sha256 == first.bytes_sha256
    assert images.content_path(org_id, again.output).exists()


async def test_an_output_can_be_the_photo_of_another_request(images: Images, org_id: OrgId) -> None:
    first = (await process(images, org_id)).output

    photo = await images.photo_of_output(org_id, first.output_id)
    second = await images.process(context(org_id), photo, Wish(Recipe(width_px=100, height_px=100)))

    assert second.output.source["sha256"] == first.bytes_sha256
    assert images.content_path(org_id, first).exists()


async def test_an_output_whose_bytes_are_lost_is_no_photo(images: Images, org_id: OrgId) -> None:
    first = (await process(images, org_id)).output
    images.content_path(org_id, first).unlink()

    with pytest.raises(NotFound):
        await images.photo_of_output(org_id, first.output_id)


async def test_an_unknown_output_is_not_found(images: Images, org_id: OrgId) -> None:
    with pytest.raises(NotFound):
        await images.find_output(org_id, OutputId.new())
