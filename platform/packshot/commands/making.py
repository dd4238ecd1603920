"""Making an output: a photo file and a wish in; found among earlier ones, or rendered and kept.

Nothing is recorded here: the request that asked for it, now or as a job, says in the log what
became of it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from domain.ids import JobId, OrgId, OutputId
from domain.output import Output
from imaging.operations import AnyRecipe
from imaging.rendered import Rendered
from packshot.render.pool import RenderPool
from packshot.store.blobs import Blobs
from packshot.store.pool import Pools
from projections import outputs


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo in the spool; the command takes the file over or leaves it to its caller.

    ``address`` is where it was fetched from, without what the address may hide.
    """

    path: Path
    sha256: str
    size_bytes: int
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks of a photo; label, sku and reference are recorded and echoed.

    ``webhook_url`` is told when the job has ended.
    """

    recipe: AnyRecipe
    preset_label: str | None = None
    sku: str | None = None
    client_ref: str | None = None
    webhook_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Made:
    """An output, and how it came: ``cached`` when an earlier request had made it."""

    output: Output
    cached: bool
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Maker:
    """Finds and makes outputs."""

    pools: Pools
    blobs: Blobs
    pool: RenderPool
    clock: Callable[[], datetime]

    def key(self, photo: Photo, wish: Wish) -> bytes:
        """What decides the output's bytes: the picture, the recipe and today's engine."""
        return outputs.cache_key(photo.sha256, wish.recipe.recipe_hash, self.pool.engine)

    async def find(self, org_id: OrgId, key: bytes) -> Output | None:
        """The output of that key whose bytes are still kept, or None."""
        async with self.pools.reading(org_id) as connection:
            found = await outputs.find_cached(connection, tenant_id=org_id.uuid, key=key)
        return found if found is not None and self.blobs.holds(org_id, found.bytes_sha256) else None

    async def make(
        self, org_id: OrgId, photo: Photo, wish: Wish, *, source: Path, job_id: JobId
    ) -> Made:
        """Render ``source``, a file of the spool, and keep its bytes and those of the output.

        Raises the Refusal of the imaging room; then nothing is kept.
        """
        destination = self.blobs.temporary("output")
        try:
            rendered = await self.pool.render(source, wish.recipe, destination=destination)
            # Bytes first, then the event that names them: what the log says, the store has.
            await asyncio.gather(
                self.blobs.keep(org_id, destination, sha256=rendered.bytes_sha256),
                self.blobs.keep(org_id, source, sha256=photo.sha256),
            )
        finally:
            self.blobs.discard(destination)
        output = self._output(rendered, photo, wish=wish, job_id=job_id)
        return Made(output, cached=False, timings=rendered.timings)

    def _output(self, rendered: Rendered, photo: Photo, *, wish: Wish, job_id: JobId) -> Output:
        return Output(
            output_id=OutputId.new(),
            job_id=job_id,
            format=rendered.format,
            width_px=rendered.width_px,
            height_px=rendered.height_px,
            size_bytes=rendered.size_bytes,
            bytes_sha256=rendered.bytes_sha256,
            pixel_sha256=rendered.pixel_sha256,
            recipe_hash=wish.recipe.recipe_hash,
            recipe=wish.recipe.to_dict(),
            engine=self.pool.engine,
            source={**rendered.source, "sha256": photo.sha256, "bytes": photo.size_bytes},
            plan=rendered.plan,
            subject=rendered.subject.to_dict() if rendered.subject else None,
            warnings=[asdict(warning) for warning in rendered.warnings],
            generated=rendered.generated,
            preset_label=wish.preset_label,
            sku=wish.sku,
            client_ref=wish.client_ref,
            created_at=self.clock(),
        )
