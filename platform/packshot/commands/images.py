"""Making pictures: a photo and a wish in, an output recorded and kept."""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.errors import NotFound
from domain.ids import JobId, OrgId, OutputId
from domain.job import Job
from domain.output import Output
from domain.recorded import Context
from packshot.commands.flights import Flights
from packshot.commands.making import Made, Maker, Photo, Wish
from packshot.commands.requests import requested_job
from packshot.store import deliveries
from packshot.store.blobs import Blobs
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.unit import CURRENT
from packshot.store.wake import Waker
from projections import outputs


@dataclass(frozen=True, slots=True)
class Processed:
    """The answer to a wish: ``cached`` says that an earlier request had made the output."""

    output: Output
    job_id: JobId
    cached: bool
    head: LogHead
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Images:
    """The use cases of pictures."""

    store: EventStore
    blobs: Blobs
    maker: Maker
    waker: Waker
    # By organization and cache key: equal requests share one render.
    flights: Flights[Processed] = field(default_factory=Flights)

    async def process(self, context: Context, photo: Photo, wish: Wish) -> Processed:
        """Make the packshot that a wish asks for, or find the one made before; record the job.

        A caller that goes away does not stop it: work that was begun is finished and recorded.
        Inside a unit of work it is recorded there and ends with it; nothing may have been saved in
        that unit before, for a render is too long to hold the log.
        Raises the Refusal of the imaging room; then nothing is recorded.
        """
        key = self.maker.key(photo, wish)
        place = (context.org_id.uuid, key)
        first = await self.flights.follow(place)
        if first is not None:
            return await _to_the_end(
                self._record(context, photo, wish=wish, made=Made(first.output, cached=True))
            )
        # A name of our own for the file: a caller that goes away takes its own with it.
        source = self.blobs.borrow(photo.path)
        work = self._find_or_make(context, photo, wish=wish, source=source, key=key)
        return await self.flights.lead(place, work)

    async def find_output(self, org_id: OrgId, output_id: OutputId) -> Output:
        """The output of that id; raises NotFound, also for another organization's."""
        async with self.store.pools.reading(org_id) as connection:
            output = await outputs.find_output(
                connection, tenant_id=org_id.uuid, output_id=output_id.uuid
            )
        if output is None:
            raise NotFound(
                "not_found", "There is no such output.", fix="Check the id; it begins with out_."
            )
        return output

    async def newest(self, org_id: OrgId, *, limit: int) -> list[Output]:
        """The organization's outputs that were made last, newest first."""
        async with self.store.pools.reading(org_id) as connection:
            return await outputs.list_newest(connection, tenant_id=org_id.uuid, limit=limit)

    async def photo_behind(self, org_id: OrgId, output_id: OutputId) -> Photo:
        """The photo that an output was made of; raises NotFound, also when it is no longer kept."""
        output = await self.find_output(org_id, output_id)
        sha256 = output.source["sha256"]
        if not self.blobs.holds(org_id, sha256):
            raise NotFound(
                "not_found",
                "The photo of this output is no longer kept.",
                fix="Send the photo again.",
            )
        return Photo(self.blobs.path(org_id, sha256), sha256, output.source["bytes"])

    def content_path(self, org_id: OrgId, output: Output) -> Path:
        """The file that holds an output's bytes."""
        return self.blobs.path(org_id, output.bytes_sha256)

    async def photo_of_output(self, org_id: OrgId, output_id: OutputId) -> Photo:
        """An output as the photo of a request; raises NotFound, also when its bytes are lost."""
        output = await self.find_output(org_id, output_id)
        if not self.blobs.holds(org_id, output.bytes_sha256):
            raise NotFound(
                "not_found",
                "The bytes of this output are no longer kept.",
                fix="Send the original photo again.",
            )
        return Photo(self.content_path(org_id, output), output.bytes_sha256, output.size_bytes)

    async def photos_of_outputs(
        self, org_id: OrgId, output_ids: Collection[OutputId]
    ) -> dict[OutputId, Photo]:
        """Those outputs as photos that there are, and whose bytes are still kept."""
        async with self.store.pools.reading(org_id) as connection:
            found = await outputs.find_outputs(
                connection, tenant_id=org_id.uuid, output_ids=[one.uuid for one in output_ids]
            )
        return await asyncio.to_thread(self._kept, org_id, found)

    def _kept(self, org_id: OrgId, found: Sequence[Output]) -> dict[OutputId, Photo]:
        return {
            output.output_id: Photo(
                self.content_path(org_id, output), output.bytes_sha256, output.size_bytes
            )
            for output in found
            if self.blobs.holds(org_id, output.bytes_sha256)
        }

    async def _find_or_make(
        self, context: Context, photo: Photo, *, wish: Wish, source: Path, key: bytes
    ) -> Processed:
        try:
            found = await self.maker.find(context.org_id, key)
            if found is not None:
                return await self._record(context, photo, wish=wish, made=Made(found, cached=True))
            made = await self.maker.make(
                context.org_id, photo, wish, source=source, job_id=JobId.new()
            )
            return await self._record(context, photo, wish=wish, made=made)
        finally:
            self.blobs.discard(source)

    async def _record(self, context: Context, photo: Photo, *, wish: Wish, made: Made) -> Processed:
        job_id = JobId.new() if made.cached else made.output.job_id
        job = requested_job(job_id, wish, photo=photo, address=photo.address)
        job.start()
        job.succeed([made.output], cached=made.cached)
        head = await self._save(context, job, webhook_url=wish.webhook_url)
        return Processed(made.output, job_id, made.cached, head, made.timings)

    async def _save(self, context: Context, job: Job, *, webhook_url: str | None) -> LogHead:
        if webhook_url is None:
            return await self.store.save(context, job)
        async with self.store.together() as unit:
            head = await self.store.save(context, job)
            await deliveries.put(await unit.connection(), head, job=job, url=webhook_url)
            unit.afterwards(lambda: self.waker.touched("deliveries", str(job.job_id)))
        return head


async def _to_the_end(work: Coroutine[Any, Any, Processed]) -> Processed:
    """Run work that a caller's going away must not cut between its first write and its commit.

    A unit of work has its own end: what was cut is rolled back with it.
    """
    if CURRENT.get() is not None:
        return await work
    return await asyncio.shield(asyncio.ensure_future(work))
