"""Our side of a bridge: it says what its protocol says, and believes nothing else."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from integration.channels.conftest import OpenBridge
from integration.outbound.servers import answer, listening, saying, saying_for_ever, silence
from integrations import amazon_bridge
from integrations.amazon_bridge import AmazonBridge
from integrations.channel import (
    AuthExpired,
    ChannelError,
    DesiredImage,
    Op,
    OutcomeUnknown,
    PermissionMissing,
    Rejected,
    RemoteConflict,
    Throttled,
    Transient,
    Unreadable,
    Vanished,
    Verdict,
)
from shop import SECRET, Handler, Shop, a_product, an_image

NEW = DesiredImage("main", "A mug", "e" * 64, "image/jpeg", 2000, 2000, 9)
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


async def test_who_answers_is_told(bridge: AmazonBridge) -> None:
    identity = await bridge.verify()

    assert (identity.account_id, identity.display_name) == ("Acme shop", "a test's shop")


async def test_the_catalog_is_read_page_by_page(bridge: AmazonBridge, shop: Shop) -> None:
    shop.page_items = 2

    first = await bridge.catalog(None)
    second = await bridge.catalog(first.cursor)

    assert [item.sku for item in first.items + second.items] == sorted(shop.products)
    assert second.cursor is None


@pytest.mark.parametrize("sku", ["a/b", "ä ß?#%", "..", "\N{GRINNING FACE}"])
async def test_a_listing_is_found_whatever_its_sku_is(
    bridge: AmazonBridge, shop: Shop, sku: str
) -> None:
    shop.put(sku)

    assert (await bridge.get_item(sku)).sku == sku


async def test_a_listing_that_is_not_there_has_vanished(bridge: AmazonBridge) -> None:
    with pytest.raises(Vanished):
        await bridge.get_item("nothing")


async def test_another_secret_is_not_accepted(open_bridge: OpenBridge, shop: Shop) -> None:
    other = open_bridge(shop.port, SECRET.replace("AAEC", "AAED"))

    with pytest.raises(AuthExpired):
        await other.verify()


async def test_a_clock_that_is_wrong_is_not_accepted(open_bridge: OpenBridge, shop: Shop) -> None:
    late = open_bridge(shop.port, SECRET, clock=lambda: datetime.now(UTC) - timedelta(minutes=6))

    with pytest.raises(AuthExpired):
        await late.verify()


async def test_a_strangers_words_come_in_one_line_and_no_longer_than_agreed(
    bridge: AmazonBridge, shop: Shop
) -> None:
    shop.put("A", title="<script>alert(1)</script> \N{GRINNING FACE}\n\x07\u202eevil")
    shop.put("B", title="x" * 10_000)

    titles = [item.title for item in (await bridge.catalog(None)).items[:2]]

    assert titles == [
        "<script>alert(1)</script> \N{GRINNING FACE} evil",
        "x" * 499 + "…",
    ]


async def test_a_time_with_an_offset_that_the_database_refuses_is_kept_in_utc(
    bridge: AmazonBridge, shop: Shop
) -> None:
    shop.put("A", updatedAt="2026-11-22T19:53:43+23:59")

    (item, *_) = (await bridge.catalog(None)).items

    assert item.updated_at is not None
    assert item.updated_at.isoformat() == "2026-11-21T19:54:43+00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sku": 7},
        {"sku": ""},
        {"sku": "a\nb"},
        {"sku": "x" * 101},
        {"title": None},
        {"url": "javascript:alert(1)"},
        {"url": "https://x.example/" + "x" * 2048},
        {"digest": ""},
        {"updatedAt": "yesterday"},
        {"updatedAt": "2026-11-22T19:53:43"},
        {"updatedAt": "9999-12-31T23:59:59-12:00"},
        {"images": []},
        {"images": {}},
        {"images": [an_image("A", width="1600")]},
        {"images": [an_image("A", width=True)]},
        {"images": [an_image("A", height=10**30)]},
        {"images": [an_image("A", remoteId="../../etc")]},
        {"images": [an_image("A", remoteId=None)]},
        {"images": [an_image("A", slot="side")]},
        {"images": [an_image("A", sha256="E" * 64)]},
        {"images": [an_image("A", url="data:image/png;base64,AAAA")]},
        {"images": [an_image("A")] * 10},
    ],
)
async def test_a_listing_of_another_shape_is_not_believed(
    bridge: AmazonBridge, shop: Shop, wrong: dict[str, object]
) -> None:
    shop.products = {"A": a_product("A") | wrong}

    with pytest.raises(Unreadable) as unreadable:
        await bridge.catalog(None)

    assert "items.0." in unreadable.value.detail
    assert "alert" not in unreadable.value.detail


@pytest.mark.parametrize(
    "body", [b"", b"<!doctype html><title>Welcome</title>", b"[1]", b'{"items":', b"\xff\xfe", b"1"]
)
async def test_what_is_not_json_of_the_protocol_is_not_believed(
    bridge: AmazonBridge, shop: Shop, body: bytes
) -> None:
    shop.faults.append(lambda handler: handler.say(200, body))

    with pytest.raises(Unreadable):
        await bridge.catalog(None)


@pytest.mark.parametrize(
    "head",
    [
        JSON_HEAD + b"\r\n",
        JSON_HEAD + b"content-length: 1073741824\r\n\r\n",
    ],
)
async def test_an_answer_without_end_is_not_read_on(open_bridge: OpenBridge, head: bytes) -> None:
    async with listening(saying_for_ever(head, b" " * 65536)) as server:
        with pytest.raises(Unreadable) as endless:
            await open_bridge(server.port, SECRET).catalog(None)

    assert "more than its protocol allows" in endless.value.detail


async def test_a_catalog_that_leads_to_itself_is_not_followed(
    bridge: AmazonBridge, shop: Shop
) -> None:
    shop.faults.append(lambda handler: handler.say(200, {"items": [], "nextCursor": "x"}))

    with pytest.raises(Unreadable):
        await bridge.catalog("x")


def says(status: int, code: str = "", **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.say(status, {"code": code, "message": "Why."}, **headers)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (says(400, "bad_request"), Rejected),
        (says(401, "signature_wrong"), AuthExpired),
        (says(403), PermissionMissing),
        (says(404, "unknown_sku"), Vanished),
        (says(404, "not_found"), Unreadable),
        (says(409, "drifted"), RemoteConflict),
        (says(409, "publish_pending"), Throttled),
        (says(409, "idempotency_key_reused"), Rejected),
        (says(422, "picture_refused"), Rejected),
        (says(429), Throttled),
        (says(500), Transient),
        (says(503), Throttled),
        (says(204), Unreadable),
        (says(301, location="https://elsewhere.example"), Transient),
        (lambda handler: handler.say(500, b"<h1>Internal Server Error</h1>"), Transient),
        (lambda handler: handler.say(404, b"<h1>Not Found</h1>"), Unreadable),
        (lambda handler: handler.say(200, b"x", content_encoding="gzip"), Unreadable),
        (lambda handler: handler.connection.close(), Transient),
    ],
)
async def test_every_failure_of_a_read_has_its_name(
    bridge: AmazonBridge, shop: Shop, fault: Callable[[Handler], None], kind: type[ChannelError]
) -> None:
    shop.faults.append(fault)

    with pytest.raises(ChannelError) as failed:
        await bridge.get_item("SKU-0000")

    assert type(failed.value) is kind
    assert failed.value.detail.endswith((".", ":"))


@pytest.mark.parametrize(
    ("told", "seconds"), [("7", 7), ("99999", 3600), ("soon", 30), ("-1", 30), ("", 30)]
)
async def test_the_bridge_says_when_to_come_back(
    bridge: AmazonBridge, shop: Shop, told: str, seconds: float
) -> None:
    shop.faults.append(says(429, retry_after=told))

    with pytest.raises(Throttled) as throttled:
        await bridge.verify()

    assert throttled.value.retry_after == seconds


async def test_a_plan_says_what_happens_in_each_slot_and_writes_nothing(
    bridge: AmazonBridge, shop: Shop
) -> None:
    images = [an_image("A", slot) for slot in ("main", "pt01", "pt02")]
    shop.put("A", images=images)
    item = await bridge.get_item("A")
    main, first, _ = item.images

    plan = await bridge.plan(item, [NEW, DesiredImage.kept(main, slot="pt01")], blobs={})

    assert [(step.op, step.slot) for step in plan.steps] == [
        (Op.UPLOAD, "main"),
        (Op.MOVE, "pt01"),
        (Op.DETACH, "pt02"),
    ]
    assert plan.steps[1].before == first
    assert plan.base_digest == item.images_digest
    assert shop.products["A"]["images"] == images
    assert shop.published == {}


async def test_bytes_and_words_that_the_listing_has_are_not_sent_again(
    bridge: AmazonBridge, shop: Shop
) -> None:
    item = await bridge.get_item("SKU-0000")
    same = DesiredImage("main", item.images[0].alt, item.images[0].sha256, "image/jpeg")

    plan = await bridge.plan(item, [same])

    assert plan.changes_nothing
    assert plan.desired[0].reuse_remote_id == item.images[0].remote_id


async def test_what_the_bridge_has_against_a_picture_is_in_the_plan(
    bridge: AmazonBridge, shop: Shop
) -> None:
    item = await bridge.get_item("SKU-0000")
    issue = {"code": "too_small", "message": "Below 500.", "slot": "main"}
    shop.faults.append(
        lambda handler: handler.say(
            422, {"code": "picture_refused", "message": "No.", "issues": [issue]}
        )
    )

    plan = await bridge.plan(item, [NEW], blobs={"e" * 64: b"jpeg"})

    assert [(told.code, told.slot) for told in plan.issues] == [("too_small", "main")]


async def test_a_publish_is_undone_by_the_former_ids(bridge: AmazonBridge, shop: Shop) -> None:
    item = await bridge.get_item("SKU-0000")

    receipt = await bridge.apply(
        await bridge.plan(item, [NEW]), {"e" * 64: b"jpeg"}, idempotency_key="pub_1"
    )
    shown = await bridge.check(receipt)
    undo = await bridge.rollback_plan(receipt, receipt.before)
    undone = await bridge.apply(undo, {}, idempotency_key="pub_2")

    assert shown == (Verdict.MATCHES, ())
    assert receipt.before == item.images
    assert [step.op for step in undo.steps] == [Op.ATTACH]
    assert shop.asked.count("POST /publish") == 2
    assert (await bridge.check(receipt))[0] is Verdict.DIFFERS
    assert not undone.pending


async def test_a_listing_that_changed_since_the_plan_is_not_published_to(
    bridge: AmazonBridge, shop: Shop
) -> None:
    plan = await bridge.plan(await bridge.get_item("SKU-0000"), [NEW])
    shop.put("SKU-0000", images=[an_image("another")])

    with pytest.raises(RemoteConflict) as drifted:
        await bridge.apply(plan, {"e" * 64: b"jpeg"}, idempotency_key="pub_1")

    assert drifted.value.digest == shop.products["SKU-0000"]["digest"]


async def test_a_listing_that_changed_since_the_publish_is_not_undone(
    bridge: AmazonBridge, shop: Shop
) -> None:
    plan = await bridge.plan(await bridge.get_item("SKU-0000"), [NEW])
    receipt = await bridge.apply(plan, {"e" * 64: b"jpeg"}, idempotency_key="pub_1")
    shop.put("SKU-0000", images=[an_image("another")])

    with pytest.raises(RemoteConflict):
        await bridge.rollback_plan(receipt, receipt.before)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (lambda handler: handler.connection.close(), OutcomeUnknown),
        (lambda handler: handler.say(200, b"<html>"), OutcomeUnknown),
        (lambda handler: handler.say(200, {"publishId": "pub_1"}), OutcomeUnknown),
        (says(500), OutcomeUnknown),
        (says(502), OutcomeUnknown),
        (says(202), OutcomeUnknown),
        (says(503), Throttled),
        (says(400, "bad_request"), Rejected),
        (says(413, "too_large"), Rejected),
        (says(422, "picture_refused"), Rejected),
        (says(401, "signature_wrong"), AuthExpired),
    ],
)
async def test_a_publish_that_may_have_been_done_is_never_called_undone(
    bridge: AmazonBridge, shop: Shop, fault: Callable[[Handler], None], kind: type[ChannelError]
) -> None:
    plan = await bridge.plan(await bridge.get_item("SKU-0000"), [NEW])
    shop.faults.append(fault)

    with pytest.raises(ChannelError) as failed:
        await bridge.apply(plan, {"e" * 64: b"jpeg"}, idempotency_key="pub_1")

    assert type(failed.value) is kind


async def test_a_publish_without_an_answer_may_have_been_done(
    bridge: AmazonBridge, open_bridge: OpenBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await bridge.plan(await bridge.get_item("SKU-0000"), [NEW])
    monkeypatch.setattr(amazon_bridge, "PUBLISH_S", 0.2)

    async with listening(silence) as server:
        with pytest.raises(OutcomeUnknown):
            await open_bridge(server.port, SECRET).apply(
                plan, {"e" * 64: b"jpeg"}, idempotency_key="pub_1"
            )


async def test_a_publish_that_nobody_took_was_not_done(
    bridge: AmazonBridge, open_bridge: OpenBridge
) -> None:
    plan = await bridge.plan(await bridge.get_item("SKU-0000"), [NEW])
    async with listening() as server:
        port = server.port

    with pytest.raises(Transient):
        await open_bridge(port, SECRET).apply(plan, {}, idempotency_key="pub_1")


async def test_an_answer_that_is_whole_is_read_whole(open_bridge: OpenBridge) -> None:
    said = {"name": "n", "account": "a", "version": "1", "padding": "x" * 900_000}
    body = json.dumps(said).encode()

    async with listening(saying(answer(body), close=True)) as server:
        identity = await open_bridge(server.port, SECRET).verify()

    assert identity.account_id == "a"
