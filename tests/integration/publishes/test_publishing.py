"""A publish from its request to its end, against a real bridge."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from domain.errors import Conflict, Refusal
from domain.ids import OrgId
from domain.listing import Target, Wish
from given import context
from integration.publishes.conftest import SKU, Desk
from packshot.store import jobqueue
from reference_bridge import Bridge, jpeg
from shop import Handler, Shop


def swap(bridge: Bridge) -> None:
    """Change the mug's listing behind our back."""
    answer = requests.post(f"{bridge.url}/shop/MUG%201%2F2/swap", timeout=10, allow_redirects=False)
    assert answer.status_code < 400, answer.text


def media(bridge: Bridge) -> list[Path]:
    """The pictures that the bridge keeps."""
    return [path for path in (bridge.folder / "store").rglob("*") if path.is_file()]


async def test_a_publish_brings_the_picture_to_its_place_and_is_live(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    before = bridge.item(SKU)

    publish = await desk.done(acme, desk.connect(bridge.url))

    after = bridge.item(SKU)
    assert await desk.history(acme, publish) == [
        "requested", "planned", "started", "submitted", "succeeded",
    ]  # fmt: skip
    assert publish.status == "live"
    assert after["images"][0]["sha256"] == publish.wish.output_sha256
    assert after["images"][0]["alt"] == before["images"][0]["alt"]
    assert after["images"][1] == before["images"][1]
    assert publish.digest == after["digest"]
    assert publish.remote is not None
    assert publish.remote["remote_id"] == after["images"][0]["remoteId"]


async def test_an_undo_restores_ids_words_order_and_digest_exactly(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    before = bridge.item(SKU)
    publish = await desk.done(acme, desk.connect(bridge.url), mode="prepend")
    assert len(bridge.item(SKU)["images"]) == 3

    undo = await desk.undo(acme, publish)

    after = bridge.item(SKU)
    assert (undo.status, undo.wish.undo_of) == ("live", publish.publish_id)
    assert (after["images"], after["digest"]) == (before["images"], before["digest"])
    undone = await desk.find(acme, publish.publish_id)
    assert (undone.status, undone.undone_by) == ("rolled_back", undo.publish_id)


async def test_an_undo_can_be_taken_back_itself(desk: Desk, bridge: Bridge, acme: OrgId) -> None:
    publish = await desk.done(acme, desk.connect(bridge.url))
    published = bridge.item(SKU)
    undo = await desk.undo(acme, publish)

    redo = await desk.undo(acme, undo)

    assert redo.status == "live"
    assert bridge.item(SKU)["images"] == published["images"]


async def test_an_undo_is_asked_for_once(desk: Desk, bridge: Bridge, acme: OrgId) -> None:
    publish = await desk.done(acme, desk.connect(bridge.url))
    await desk.publishes.rollback(context(acme), publish.publish_id)

    with pytest.raises(Conflict) as refused:
        await desk.publishes.rollback(context(acme), publish.publish_id)

    assert refused.value.code == "already_terminal"


async def test_two_undos_at_once_are_one(desk: Desk, bridge: Bridge, acme: OrgId) -> None:
    publish = await desk.done(acme, desk.connect(bridge.url))

    asked = await asyncio.gather(
        *(desk.publishes.rollback(context(acme), publish.publish_id) for _ in range(3)),
        return_exceptions=True,
    )

    assert sum(not isinstance(one, Exception) for one in asked) == 1
    assert {type(one) for one in asked if isinstance(one, Exception)} == {Conflict}


async def test_a_listing_that_somebody_changed_is_not_undone(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    publish = await desk.done(acme, desk.connect(bridge.url))
    swap(bridge)

    with pytest.raises(Conflict) as refused:
        await desk.publishes.rollback(context(acme), publish.publish_id)

    assert refused.value.code == "publish_drifted"


async def test_a_listing_that_changes_before_its_undo_is_left_alone(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    publish = await desk.done(acme, desk.connect(bridge.url))
    asked = await desk.publishes.rollback(context(acme), publish.publish_id)
    swap(bridge)
    changed = bridge.item(SKU)

    undo = await desk.work(acme, asked.publish)

    assert undo.status == "drifted"
    assert bridge.item(SKU) == changed
    swap(bridge)  # as it was left: now it can be taken back after all
    again = await desk.undo(acme, publish)
    assert again.status == "live"


async def test_a_drift_is_seen_and_so_is_its_end(desk: Desk, bridge: Bridge, acme: OrgId) -> None:
    publish = await desk.done(acme, desk.connect(bridge.url))
    first = await desk.publishes.verify(context(acme), publish.publish_id)
    swap(bridge)

    second = await desk.publishes.verify(context(acme), publish.publish_id)
    again = await desk.publishes.verify(context(acme), publish.publish_id)
    swap(bridge)
    third = await desk.publishes.verify(context(acme), publish.publish_id)

    assert [one.is_as_wanted for one in (first, second, again, third)] == [True, False, False, True]
    assert [one.head is None for one in (first, second, again, third)] == [True, False, True, False]
    assert (await desk.history(acme, publish))[-2:] == ["drifted", "recovered"]


async def test_an_approved_plan_is_for_the_listing_that_was_seen(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    seen = bridge.item(SKU)["digest"]
    swap(bridge)
    changed = bridge.item(SKU)

    publish = await desk.done(acme, desk.connect(bridge.url), base_digest=seen)

    assert publish.status == "drifted"
    assert bridge.item(SKU) == changed
    assert publish.found is not None
    assert [one["remote_id"] for one in publish.found] == [
        one["remoteId"] for one in changed["images"]
    ]


async def test_two_publishes_at_once_come_one_after_the_other(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    integration_id = desk.connect(bridge.url)
    asked = [
        await desk.ask(acme, integration_id, red=200),
        await desk.ask(acme, integration_id, red=220, target=Target(SKU, slot="pt01")),
    ]

    first = await asyncio.gather(*(desk.work(acme, one) for one in asked))
    done = [await desk.work(acme, one) for one in first]  # whoever was second, let in now

    shown = [one["sha256"] for one in bridge.item(SKU)["images"]]
    assert {one.status for one in first} <= {"live", "queued"}
    assert {one.status for one in done} == {"live"}
    assert shown == [one.wish.output_sha256 for one in done]


async def test_a_listing_that_is_being_published_to_is_waited_for(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    integration_id = desk.connect(bridge.url)
    first = await desk.ask(acme, integration_id, red=200)
    second = await desk.ask(acme, integration_id, red=220)
    elsewhere = await desk.ask(acme, desk.connect(bridge.url))

    async with desk.store.together() as unit:
        await jobqueue.lease(await unit.connection(), acme, first.job_id, lease_s=60.0)
    for one in (second, elsewhere):
        await desk.attempts.attempt(acme, one.job_id)

    assert (await desk.find(acme, second.publish_id)).status == "queued"
    assert (await desk.find(acme, elsewhere.publish_id)).status == "live"
    waiting = "SELECT job_id FROM work.job WHERE state = 'scheduled' AND due_at > now()"
    assert [row["job_id"] for row in await desk.rows(waiting)] == [second.job_id.uuid]


async def test_the_same_bytes_are_uploaded_once(desk: Desk, bridge: Bridge, acme: OrgId) -> None:
    integration_id = desk.connect(bridge.url)
    first = await desk.done(acme, integration_id)
    await desk.undo(acme, first)

    second = await desk.done(acme, integration_id)

    assert second.status == "live"
    assert first.planned is not None
    assert second.planned is not None
    ops = [step["op"] for plan in (first.planned, second.planned) for step in plan.steps]
    assert ops == ["upload", "keep", "attach", "keep"]
    assert first.remote == second.remote


async def test_a_picture_that_the_shop_forgot_is_uploaded_again(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    integration_id = desk.connect(bridge.url)
    await desk.done(acme, integration_id)
    bridge.stop()
    for path in sorted((bridge.folder / "store").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    bridge.start()

    publish = await desk.done(acme, integration_id)

    assert publish.status == "live"
    assert publish.planned is not None
    assert [step["op"] for step in publish.planned.steps] == ["upload", "keep"]


async def test_a_dry_run_writes_nothing_anywhere(desk: Desk, bridge: Bridge, acme: OrgId) -> None:
    integration_id = desk.connect(bridge.url)
    output_id = await desk.output(acme, jpeg(200))
    before = (bridge.item(SKU), await desk.rows("SELECT seq, hash FROM es.tenant_head"))

    dry, _ = await desk.publishes.plan(acme, Wish(integration_id, Target(SKU), output_id=output_id))

    assert [step["op"] for step in dry.plan.steps] == ["upload", "keep"]
    assert dry.issues == ()
    assert dry.plan.base_digest == before[0]["digest"]
    assert (bridge.item(SKU), await desk.rows("SELECT seq, hash FROM es.tenant_head")) == before
    assert await desk.rows("SELECT 1 FROM work.job") == []


async def test_a_picture_that_the_shop_does_not_take_fails_with_its_words(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    integration_id = desk.connect(bridge.url)
    before = bridge.item(SKU)
    output_id = await desk.output(acme, jpeg(200, side=300))
    wish = Wish(integration_id, Target(SKU), output_id=output_id)

    dry, _ = await desk.publishes.plan(acme, wish)
    asked = await desk.publishes.request(context(acme), wish)
    publish = await desk.work(acme, asked.publish)

    assert [issue.code for issue in dry.issues] == ["too_small"]
    assert publish.status == "failed"
    assert publish.error is not None
    assert publish.error["code"] == "channel_rejected"
    assert "too_small" in publish.error["detail"]
    assert bridge.item(SKU) == before


async def test_a_listing_that_vanished_fails_the_publish_with_a_sentence(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    publish = await desk.done(acme, desk.connect(bridge.url), target=Target("GONE"))

    assert publish.status == "failed"
    assert publish.error is not None
    assert publish.error["code"] == "channel_rejected"
    assert "no such listing" in publish.error["detail"]


async def test_an_output_whose_bytes_are_gone_fails_the_publish(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    publish = await desk.ask(acme, desk.connect(bridge.url))
    desk.blobs.path(acme, publish.wish.output_sha256 or "").unlink()

    publish = await desk.work(acme, publish)

    assert publish.status == "failed"
    assert publish.error is not None
    assert publish.error["code"] == "not_found"


async def test_a_shop_that_is_away_is_tried_again_and_then_the_publish_has_failed(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    publish = await desk.ask(acme, desk.connect("http://127.0.0.1:9"))

    for _ in range(4):
        publish = await desk.work(acme, publish)
        assert publish.status == "queued"
    publish = await desk.work(acme, publish)

    assert publish.status == "failed"
    assert publish.error is not None
    assert publish.error["code"] == "channel_unreachable"


async def test_a_failed_publish_is_retried_and_live(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    integration_id = desk.connect(bridge.url)
    publish = await desk.ask(acme, integration_id, target=Target("GONE"))
    publish = await desk.work(acme, publish)

    retried = await desk.publishes.retry(context(acme), publish.publish_id)

    assert retried.publish.status == "queued"
    assert retried.publish.job_id != publish.job_id
    again = await desk.work(acme, retried.publish)
    assert again.status == "failed"
    with pytest.raises(Conflict):
        await desk.publishes.retry(
            context(acme), (await desk.done(acme, integration_id)).publish_id
        )


# --- What may be known and what not, with a shop that breaks where it is told to.


def upto(fault: Callable[[Handler], None], *, after: int) -> list[Callable[[Handler], None]]:
    """A fault after so many requests that are served."""
    return [*[Handler.serve] * after, fault]


LOOK_AND_DRY_RUN = 2


async def test_a_publish_that_was_done_and_not_answered_is_seen_to_be_live(
    desk: Desk, shop: Shop, acme: OrgId
) -> None:
    shop.faults += upto(Handler.vanish, after=LOOK_AND_DRY_RUN)
    publish = await desk.ask(acme, desk.connect(shop.url))

    unknown = await desk.work(acme, publish)
    live = await desk.work(acme, publish)

    assert (unknown.status, live.status) == ("unknown", "live")
    assert await desk.history(acme, publish) == [
        "requested", "planned", "started", "doubted", "succeeded",
    ]  # fmt: skip
    assert len(shop.published) == 1


async def test_a_publish_that_was_not_done_is_sent_again_under_its_key(
    desk: Desk, shop: Shop, acme: OrgId
) -> None:
    def lost(handler: Handler) -> None:
        handler.close_connection = True

    shop.faults += upto(lost, after=LOOK_AND_DRY_RUN)
    publish = await desk.ask(acme, desk.connect(shop.url))

    unknown = await desk.work(acme, publish)
    live = await desk.work(acme, publish)

    assert (unknown.status, live.status) == ("unknown", "live")
    assert list(shop.published) == [str(publish.publish_id)]
    assert [one["outcome"] for one in live.attempts] == ["unknown", "live"]


async def test_a_listing_that_changed_while_nobody_knew_has_drifted(
    desk: Desk, shop: Shop, acme: OrgId
) -> None:
    shop.faults += upto(Handler.vanish, after=LOOK_AND_DRY_RUN)
    publish = await desk.ask(acme, desk.connect(shop.url))
    await desk.work(acme, publish)
    shop.put(SKU, digest="another")

    publish = await desk.work(acme, publish)

    assert publish.status == "drifted"
    assert len(shop.published) == 1


async def test_what_stays_unknown_is_told_as_that_and_a_look_settles_it(
    desk: Desk, shop: Shop, acme: OrgId
) -> None:
    def away(handler: Handler) -> None:
        handler.say(503, b"", retry_after="9")

    shop.faults += [*upto(Handler.vanish, after=LOOK_AND_DRY_RUN), *[away] * 4]
    publish = await desk.ask(acme, desk.connect(shop.url))
    for _ in range(5):
        publish = await desk.work(acme, publish)
    assert publish.status == "unknown"

    seen = await desk.publishes.verify(context(acme), publish.publish_id)

    assert (seen.is_as_wanted, seen.publish.status) == (True, "live")


async def test_what_is_unknown_is_listed_as_that_also_while_it_is_retried(
    desk: Desk, shop: Shop, acme: OrgId
) -> None:
    def away(handler: Handler) -> None:
        handler.say(503, b"", retry_after="9")

    shop.faults += [*upto(Handler.vanish, after=LOOK_AND_DRY_RUN), *[away] * 4]
    publish = await desk.ask(acme, desk.connect(shop.url))
    for _ in range(5):
        publish = await desk.work(acme, publish)

    retried = (await desk.publishes.retry(context(acme), publish.publish_id)).publish

    assert retried.status == "unknown"
    assert await desk.rows("SELECT status FROM views.publish") == [{"status": "unknown"}]
    assert (await desk.work(acme, retried)).status == "live"


@pytest.mark.parametrize(
    "body", [b"<!doctype html><title>Hello</title>", b"{}", b"[" * 100_000], ids=lambda b: b[:9]
)
async def test_a_dry_run_at_a_shop_that_talks_nonsense_is_told_as_unreachable(
    desk: Desk, shop: Shop, acme: OrgId, body: bytes
) -> None:
    integration_id = desk.connect(shop.url)
    output_id = await desk.output(acme, jpeg(200))
    shop.faults.append(lambda handler: handler.say(200, body))

    with pytest.raises(Refusal) as refused:
        await desk.publishes.plan(acme, Wish(integration_id, Target(SKU), output_id=output_id))

    assert refused.value.code == "channel_unreachable"


async def test_a_publish_answered_with_nonsense_is_looked_at_before_it_is_believed(
    desk: Desk, shop: Shop, acme: OrgId
) -> None:
    shop.faults += upto(lambda handler: handler.say(200, b"<html>"), after=LOOK_AND_DRY_RUN)
    publish = await desk.ask(acme, desk.connect(shop.url))

    unknown = await desk.work(acme, publish)

    assert unknown.status == "unknown"
    assert (await desk.work(acme, publish)).status == "live"


async def test_a_refusal_after_the_plan_changes_nothing_and_says_so(
    desk: Desk, shop: Shop, acme: OrgId
) -> None:
    issue = {"code": "refused", "message": "Not this one.", "slot": "main"}
    said = {"code": "picture_refused", "message": "No.", "issues": [issue]}
    shop.faults += upto(lambda handler: handler.say(422, said), after=LOOK_AND_DRY_RUN)

    publish = await desk.done(acme, desk.connect(shop.url))

    assert publish.status == "failed"
    assert publish.error is not None
    assert "Not this one." in publish.error["detail"]


async def test_a_job_of_an_older_attempt_does_nothing(
    desk: Desk, bridge: Bridge, acme: OrgId
) -> None:
    publish = await desk.done(acme, desk.connect(bridge.url), target=Target("GONE"))
    older = publish.job_id
    await desk.publishes.retry(context(acme), publish.publish_id)
    await desk.rows("UPDATE work.job SET state = 'waiting', ended_at = NULL")
    history = await desk.history(acme, publish)

    with pytest.raises(Conflict):  # it has ended
        await desk.attempts.attempt(acme, older)

    assert await desk.history(acme, publish) == history
