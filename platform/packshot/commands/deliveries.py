"""Sending webhooks: each end of a job is told to its receiver, signed, until that one takes it.

At least once: a sender that dies between the answer and the note of it leaves its delivery to the
next one, who sends the same bytes under the same id. Several senders may run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import uniform
from typing import TypeVar

import structlog

from domain.errors import Unavailable
from domain.job import Job
from domain.webhook_schedule import Spread, next_try
from domain.webhook_secret import WebhookSecret, signed_headers
from integrations.http import OutboundClient, OutboundFailed
from packshot import __version__
from packshot.commands.results import Results, results_of
from packshot.commands.webhook_secrets import WebhookSecrets
from packshot.failpoints import failpoint
from packshot.store import deliveries
from packshot.store.deliveries import Delivery, Try
from packshot.store.events import EventStore
from packshot.store.pool import DriverConnection

MOST_AT_ONCE = 64
# Standard Webhooks asks for a timeout of 15 to 30 s; it is over everything, the lookup included.
DEADLINE_S = 15.0
# A receiver's answer is its status; a short text is read so that its connection can be used again.
ANSWER_MAX_BYTES = 1024
# A try begins within the first half, ends within the deadline, and the rest is for the note of it.
LEASE_S = 60.0
BEGIN_WITHIN_S = 30.0
LOOK_EVERY_S = 1.0
AGAIN_AFTER_S = 1.0
SUCCESS = range(200, 300)
GONE = 410  # RFC 9110, 15.5.11; Standard Webhooks: the receiver wants nothing more

T = TypeVar("T")
log = structlog.get_logger()


class LeaseOver(Exception):
    """The database was away for so long that another sender may have the delivery."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Deliveries:
    """The use case of senders.

    ``body`` writes what a receiver is told; ``woken`` is set by whoever hears of new deliveries.
    """

    store: EventStore
    client: OutboundClient
    secrets: WebhookSecrets
    body: Callable[[Job, Delivery, Results], bytes]
    clock: Callable[[], datetime] = _now
    spread: Spread = uniform
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _looked_s: float = float("-inf")
    _after: deliveries.Pair = deliveries.FIRST

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due until told to stop, then finish what is under way (15 s)."""
        try:
            while not stop.is_set():
                self.woken.clear()
                try:
                    await self._begin_due()
                except Unavailable as outage:
                    log.warning("deliveries_wait", reason=type(outage.__cause__).__name__)
                with suppress(TimeoutError):  # wait_for of Python 3.11 can lose a cancellation
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self.woken.wait()
            await asyncio.gather(*self._under_way, return_exceptions=True)
        finally:
            for task in self._under_way:  # some are left only when this one is cancelled
                task.cancel()

    async def send_due(self) -> int:
        """Try everything that is due now; returns how many tries that were."""
        tried = 0
        self._looked_s = float("-inf")
        while begun := await self._begin_due():
            tried += begun
            await asyncio.gather(*self._under_way)
        return tried

    async def sweep(self) -> int:
        """Forget deliveries that ended 30 days ago; returns how many, a thousand at the most."""
        async with self.store.pools.writing() as connection:
            return await deliveries.sweep(connection, now=self.clock())

    async def _begin_due(self) -> int:
        """Take what there is room for and begin to send it; returns how many."""
        room = MOST_AT_ONCE - len(self._under_way)
        if room <= 0:
            return 0
        now_s = asyncio.get_running_loop().time()
        async with self.store.pools.writing() as connection, connection.transaction():
            if now_s - self._looked_s >= LOOK_EVERY_S:
                await deliveries.wake(connection, now=self.clock())
                self._looked_s = now_s
            claimed = await self._claim(connection, room)
        for delivery in claimed:
            task = asyncio.create_task(self._deliver(delivery))
            self._under_way.add(task)
            task.add_done_callback(self._ended)
        return len(claimed)

    async def _claim(self, connection: DriverConnection, room: int) -> list[Delivery]:
        """Waiting deliveries, going on where the last look stopped, and then from the start."""
        ends_left = 1 if self._after == deliveries.FIRST else 2
        while ends_left:
            claimed = await deliveries.claim(
                connection, now=self.clock(), most=room, lease_s=LEASE_S, after=self._after
            )
            self._after = claimed.after
            if claimed.deliveries:
                return claimed.deliveries
            ends_left -= claimed.after == deliveries.FIRST
        return []

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self.woken.set()

    async def _deliver(self, delivery: Delivery) -> None:
        """Try a delivery once and note how it went."""
        try:
            made, retry_after = await self._tried(delivery)
            failpoint("hook.after_post_before_mark")
            await self._patiently(
                lambda: self._note(delivery, made, retry_after), until=delivery.lease_until
            )
        except LeaseOver:
            log.warning("delivery_lease_over", delivery=str(delivery.delivery_id))

    async def _tried(self, delivery: Delivery) -> tuple[Try, str | None]:
        """How one try went, and what the receiver's Retry-After said."""
        loop = asyncio.get_running_loop()
        began_s, status, error, retry_after = loop.time(), None, None, None
        try:
            body, secrets = await self._composed(delivery)
            began_s = loop.time()
            status, retry_after = await self._post(delivery, body, secrets)
            error = None if status in SUCCESS else f"http_{status}"
        except OutboundFailed as failed:
            error = failed.reason
        except LeaseOver:
            raise
        except Exception as broken:  # ours: one delivery must not end the others
            log.exception("delivery_broke", delivery=str(delivery.delivery_id), exc_info=broken)
            error = "internal"
        took_ms = round((loop.time() - began_s) * 1000)
        return Try(self.clock(), status, took_ms, error), retry_after

    async def _composed(self, delivery: Delivery) -> tuple[bytes, list[WebhookSecret]]:
        """The bytes of every try of this delivery, and the secrets to sign with now."""

        async def once() -> tuple[bytes, list[WebhookSecret]]:
            job = await self.store.load(
                Job,
                org_id=delivery.org_id,
                stream_id=delivery.job_id.uuid,
                up_to=delivery.version,
            )
            results = await results_of(self.store, delivery.org_id, job, at=delivery.position)
            return self.body(job, delivery, results), await self.secrets.signing(delivery.org_id)

        begin_by = delivery.lease_until - timedelta(seconds=LEASE_S - BEGIN_WITHIN_S)
        return await self._patiently(once, until=begin_by)

    async def _post(
        self, delivery: Delivery, body: bytes, secrets: list[WebhookSecret]
    ) -> tuple[int, str | None]:
        """The receiver's status and Retry-After; raises OutboundFailed."""
        headers = {
            "content-type": "application/json",
            "user-agent": f"Packshot/{__version__}",
        } | signed_headers(secrets, str(delivery.event_id), at=self.clock(), body=body)
        answered = await self.client.post(
            delivery.url,
            body=body,
            headers=headers,
            deadline_s=DEADLINE_S,
            read_max_bytes=ANSWER_MAX_BYTES,
        )
        return answered.status, answered.headers.get("retry-after")

    async def _note(self, delivery: Delivery, made: Try, retry_after: str | None) -> None:
        due_at: datetime | None = None
        state: deliveries.Outcome = "delivered"
        if made.http_status == GONE:
            state = "gone"
        elif made.error is not None:
            due_at = next_try(
                delivery.attempt, at=made.at, retry_after=retry_after, spread=self.spread
            )
            state = "exhausted" if due_at is None else "scheduled"
        async with self.store.pools.writing() as connection:
            is_ours = await deliveries.settle(
                connection, delivery, made, state=state, due_at=due_at
            )
        log.info(
            "webhook_tried" if is_ours else "webhook_tried_in_vain",
            delivery=str(delivery.delivery_id),
            attempt=delivery.attempt,
            state=state,
            status=made.http_status,
            error=made.error,
            duration_ms=made.duration_ms,
        )

    async def _patiently(self, once: Callable[[], Awaitable[T]], *, until: datetime) -> T:
        """Try again while the database is away; raises LeaseOver when the time is up."""
        while True:
            try:
                return await once()
            except Unavailable:
                if self.clock() + timedelta(seconds=AGAIN_AFTER_S) > until:
                    raise LeaseOver from None
                await asyncio.sleep(AGAIN_AFTER_S)
