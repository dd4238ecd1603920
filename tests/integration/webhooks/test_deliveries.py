"""Webhooks are delivered at least once, in schedule, under one id, and to nobody who is private."""

import asyncio
import hashlib
import itertools
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from domain.ids import OrgId
from given import context, founded
from integration.outbound.servers import answer, listening
from integration.webhooks.conftest import Clock, OpenSender, ended_job, rows
from integration.webhooks.receiver import OK, Receiver, receiving, silence
from integrations.failures import OutboundFailed
from packshot import __version__
from packshot.commands import deliveries as sending
from packshot.commands.deliveries import Deliveries
from packshot.store.events import EventStore

SCHEDULE = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
]


async def test_a_receiver_is_told_what_the_job_has_become(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver
) -> None:
    job = await ended_job(store, org_id, receiver.url)

    assert await sender.send_due() == 1

    (told,) = receiver.told
    (row,) = await rows(store)
    assert told.headers["content-type"] == "application/json"
    assert told.headers["user-agent"] == f"Packshot/{__version__}"
    assert told.event["type"] == "job.succeeded"
    assert told.event["orgId"] == str(org_id)
    assert told.event["logPosition"] == 5
    assert told.event["data"]["jobId"] == str(job.job_id)
    assert told.event["data"]["status"] == "succeeded"
    assert told.event["data"]["outputs"][0]["sku"] == "SKU-1"
    at = datetime.fromisoformat(told.event["timestamp"])
    assert at == row["occurred_at"].replace(
        microsecond=row["occurred_at"].microsecond // 1000 * 1000
    )
    assert (row["state"], row["attempt"]) == ("delivered", 1)
    assert (row["attempts"][0]["httpStatus"], row["attempts"][0]["error"]) == (200, None)


async def test_what_was_taken_is_not_sent_again(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    await ended_job(store, org_id, receiver.url)
    await sender.send_due()
    clock.move(days=20)

    assert await sender.send_due() == 0
    assert len(receiver.told) == 1


async def test_a_receiver_that_never_takes_it_is_tried_ten_times_in_schedule(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [answer(status="500 Internal Server Error")]
    await ended_job(store, org_id, receiver.url)
    begun = clock.now

    tried = []
    while not tried or (await rows(store))[0]["state"] == "scheduled":
        assert await sender.send_due() == 1
        tried.append(clock.now)
        due_at = (await rows(store))[0]["due_at"]
        clock.now = max(due_at - timedelta(seconds=1), clock.now)
        assert await sender.send_due() == 0, "before its time"
        clock.now = max(due_at, clock.now)

    assert [after - before for before, after in itertools.pairwise(tried)] == SCHEDULE
    assert tried[-1] - begun == timedelta(hours=75, minutes=35, seconds=5)
    (row,) = await rows(store)
    assert row["state"] == "exhausted"
    assert [made["error"] for made in row["attempts"]] == ["http_500"] * 10
    assert len(set(receiver.ids)) == 1
    assert len({hashlib.sha256(told.body).digest() for told in receiver.told}) == 1
    stamps = [
        datetime.fromtimestamp(int(t.headers["webhook-timestamp"]), UTC) for t in receiver.told
    ]
    assert stamps == [at.replace(microsecond=0) for at in tried]


async def test_a_retry_tells_the_job_as_it_was_then(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [answer(status="503 Service Unavailable"), OK]
    job = await ended_job(store, org_id, receiver.url)
    await sender.send_due()
    later = await store.load(type(job), org_id=org_id, stream_id=job.id)
    later.status = "failed"
    later.retry()
    await store.save(context(org_id), later)
    clock.move(seconds=6)

    await sender.send_due()

    assert receiver.told[0].body == receiver.told[1].body
    assert receiver.told[1].event["data"]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer(status="404 Not Found"), "http_404"),
        (answer(status="302 Found", headers=["location: /elsewhere"]), "redirect"),
        (None, "connection_failed"),
        (b"HTTP/1.1 nonsense\r\n\r\n", "bad_response"),
    ],
)
async def test_what_is_no_success_is_tried_again(
    org_id: OrgId,
    sender: Deliveries,
    receiver: Receiver,
    clock: Clock,
    said: bytes | None,
    error: str,
) -> None:
    receiver.answers = [said, OK]
    await ended_job(sender.store, org_id, receiver.url)

    await sender.send_due()
    clock.move(seconds=5)
    await sender.send_due()

    (row,) = await rows(sender.store)
    assert [made["error"] for made in row["attempts"]] == [error, None]
    assert row["state"] == "delivered"
    assert receiver.ids[0] == receiver.ids[1]


async def test_a_receiver_that_is_silent_has_failed_after_the_deadline(
    store: EventStore,
    org_id: OrgId,
    sender: Deliveries,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "DEADLINE_S", 0.2)
    receiver.hold = silence
    await ended_job(store, org_id, receiver.url)

    await sender.send_due()

    (row,) = await rows(store)
    assert (row["state"], row["attempts"][0]["error"]) == ("scheduled", "timeout")


async def test_a_receiver_that_is_gone_is_not_tried_again(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [answer(status="410 Gone")]
    await ended_job(store, org_id, receiver.url)

    await sender.send_due()
    clock.move(days=4)

    assert await sender.send_due() == 0
    assert (await rows(store))[0]["state"] == "gone"


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ("60", timedelta(seconds=60)),
        ("2", timedelta(seconds=5)),
        ("999999999999999999", timedelta(hours=24)),
        ("soon", timedelta(seconds=5)),
    ],
)
async def test_a_receiver_that_asks_for_patience_gets_it(
    org_id: OrgId,
    sender: Deliveries,
    receiver: Receiver,
    clock: Clock,
    asked: str,
    waits: timedelta,
) -> None:
    receiver.answers = [answer(status="429 Too Many Requests", headers=[f"retry-after: {asked}"])]
    await ended_job(sender.store, org_id, receiver.url)

    await sender.send_due()

    (row,) = await rows(sender.store)
    assert row["due_at"] - clock.now == waits


async def test_two_senders_tell_each_event_once_and_four_at_once(
    store: EventStore, org_id: OrgId, open_sender: OpenSender, receiver: Receiver
) -> None:
    gate = asyncio.Event()

    async def hold() -> None:
        await gate.wait()

    receiver.hold = hold
    jobs = [await ended_job(store, org_id, receiver.url) for _ in range(40)]
    senders = [await open_sender(receiver.port) for _ in range(2)]

    stop = asyncio.Event()
    running = [asyncio.create_task(sender.run(stop)) for sender in senders]
    while receiver.at_once < 4:
        await asyncio.sleep(0)
    for sender in senders:
        await sender._begin_due()
    gate.set()
    while any(row["state"] != "delivered" for row in await rows(store)):
        for task in running:
            assert not task.done()
    stop.set()
    await asyncio.gather(*running)

    assert len(receiver.told) == len(set(receiver.ids)) == len(jobs)
    assert receiver.most_at_once == 4


async def test_a_slow_receiver_holds_up_nobody_else(
    store: EventStore, org_id: OrgId, open_sender: OpenSender, receiver: Receiver
) -> None:
    async with receiving() as slow:
        slow.hold = silence
        for _ in range(100):
            await ended_job(store, org_id, slow.url)
        for _ in range(10):
            await ended_job(store, org_id, receiver.url)
        sender = await open_sender(receiver.port, slow.port)

        running = asyncio.create_task(sender.run(asyncio.Event()))
        while [row["state"] for row in await rows(store)].count("delivered") < 10:
            assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

        assert len(receiver.told) == 10
        assert len(slow.told) == 4


async def test_an_organization_with_many_deliveries_lets_another_have_its_turn(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver
) -> None:
    other = await founded(store, "Other")
    for _ in range(50):
        await ended_job(store, org_id, receiver.url)
    await ended_job(store, other, receiver.url)

    async with store.pools.writing() as connection, connection.transaction():
        claimed = await sending.deliveries.claim(
            connection, now=sender.clock(), most=64, lease_s=60
        )

    assert sorted(delivery.org_id == other for delivery in claimed.deliveries) == [
        False,
        False,
        False,
        True,
    ]


async def test_more_receivers_than_a_look_goes_through_all_get_their_turn(
    store: EventStore, org_id: OrgId, monkeypatch: pytest.MonkeyPatch, open_sender: OpenSender
) -> None:
    monkeypatch.setattr(sending.deliveries, "MOST_PAIRS", 2)
    monkeypatch.setattr(sending.deliveries, "MOST_PER_ORGANIZATION", 20)
    async with AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(receiving()) for _ in range(5)]
        gate = asyncio.Event()
        for receiver in receivers:
            receiver.hold = gate.wait
            for _ in range(6):
                await ended_job(store, org_id, receiver.url)
        sender = await open_sender(*(receiver.port for receiver in receivers))

        taken = [await sender._begin_due() for _ in range(4)]
        gate.set()
        await asyncio.gather(*sender._under_way)

        assert taken == [8, 8, 4, 0]
        assert await sender.send_due() == 10
        assert [len(receiver.told) for receiver in receivers] == [6] * 5


async def test_an_organization_whose_receivers_are_all_dead_does_not_stop_another(
    store: EventStore, org_id: OrgId, monkeypatch: pytest.MonkeyPatch, open_sender: OpenSender
) -> None:
    monkeypatch.setattr(sending.deliveries, "MOST_PER_ORGANIZATION", 3)
    monkeypatch.setattr(sending, "MOST_AT_ONCE", 4)
    other = await founded(store, "Other")
    async with AsyncExitStack() as stack:
        dead = [await stack.enter_async_context(receiving()) for _ in range(6)]
        alive = await stack.enter_async_context(receiving())
        gate, told = asyncio.Event(), asyncio.Event()
        alive.hold = lambda: asyncio.sleep(0, told.set())
        for receiver in dead:
            receiver.hold = gate.wait
            await ended_job(store, org_id, receiver.url)
        await ended_job(store, other, alive.url)
        sender = await open_sender(*(receiver.port for receiver in (*dead, alive)))

        began = [await sender._begin_due() for _ in range(3)]
        await asyncio.wait_for(told.wait(), 10)
        gate.set()
        await asyncio.gather(*sender._under_way)

    assert sum(began) == 4


async def test_a_name_that_has_become_private_is_not_dialled_and_costs_a_try(
    store: EventStore, org_id: OrgId, open_sender: OpenSender
) -> None:
    async def resolve(_host: str) -> list[str]:
        return ["127.0.0.1"]

    async with listening() as sentinel:
        sender = await open_sender(resolve=resolve)
        await ended_job(store, org_id, "https://hooks.example.com/x")
        await ended_job(store, org_id, f"http://127.0.0.1:{sentinel.port}/x")
        await ended_job(store, org_id, "gopher://no.example")

        await sender.send_due()

        assert sentinel.connections == 0
    found = await rows(store)
    assert [row["state"] for row in found] == ["scheduled"] * 3
    assert [row["attempts"][0]["error"] for row in found] == ["refused_address"] * 3


async def test_a_host_without_an_address_costs_a_try(
    store: EventStore, org_id: OrgId, open_sender: OpenSender
) -> None:
    async def resolve(_host: str) -> list[str]:
        raise OutboundFailed("unresolved")

    sender = await open_sender(resolve=resolve)
    await ended_job(store, org_id, "https://hooks.example.com/x")

    await sender.send_due()

    assert (await rows(store))[0]["attempts"][0]["error"] == "unresolved"


async def test_a_delivery_that_cannot_be_told_harms_no_other(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver
) -> None:
    broken = await ended_job(store, org_id, receiver.url)
    await ended_job(store, org_id, receiver.url)
    tell = sender.body
    sender.body = lambda job, *more: 1 / 0 if job.id == broken.id else tell(job, *more)

    await sender.send_due()

    found = await rows(store)
    assert [row["state"] for row in found] == ["scheduled", "delivered"]
    assert found[0]["attempts"][0]["error"] == "internal"


async def test_what_was_rolled_back_is_never_sent(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver
) -> None:
    async def end_and_think_better_of_it() -> None:
        async with store.together():
            await ended_job(store, org_id, receiver.url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await end_and_think_better_of_it()

    assert await sender.send_due() == 0
    assert receiver.told == []


async def test_deliveries_that_ended_are_forgotten_after_thirty_days(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    await ended_job(store, org_id, receiver.url)
    await sender.send_due()
    clock.move(days=29)
    await ended_job(store, org_id, receiver.url)

    assert await sender.sweep() == 0
    clock.move(days=1, seconds=1)
    assert await sender.sweep() == 1
    assert [row["state"] for row in await rows(store)] == ["waiting"]


async def test_no_line_of_the_log_holds_an_address_or_a_secret(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    secret = (await sender.secrets.show(org_id)).secret.text
    receiver.answers = [None, answer(b"s3cr3t", status="500 Oh"), OK]
    await ended_job(store, org_id, receiver.url)
    tell = sender.body
    with capture_logs() as lines:
        for tried in range(4):
            sender.body = tell if tried else lambda *_told: 1 / 0
            await sender.send_due()
            clock.move(days=2)

    assert [line["event"] for line in lines] == ["delivery_broke"] + ["webhook_tried"] * 4
    assert "s3cr3t" not in repr(lines)
    assert secret not in repr(lines)
