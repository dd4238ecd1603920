"""The request of a job, as its aggregate: the same words whether it is done now or queued."""

import hashlib
from urllib.parse import urlsplit

import orjson

from domain.ids import JobId
from domain.job import Job
from domain.publish import Publish
from packshot.commands.making import Photo, Wish

PUBLISH = "publish"  # the operation of jobs that carry out a publish


def requested_job(
    job_id: JobId,
    wish: Wish,
    *,
    photo: Photo | None,
    address: str | None,
    batch_id: JobId | None = None,
) -> Job:
    """A job that was asked for: of a photo, or of one still to be fetched from an address.

    ``batch_id`` names the batch that it is an item of.
    """
    return Job.request(
        job_id,
        operation=wish.recipe.operation,
        recipe=wish.recipe.to_dict(),
        recipe_hash=wish.recipe.recipe_hash,
        input_sha256=None if photo is None else photo.sha256,
        input_bytes=None if photo is None else photo.size_bytes,
        preset_label=wish.preset_label,
        sku=wish.sku,
        client_ref=wish.client_ref,
        input_address=address,
        webhook_address=None if wish.webhook_url is None else _origin(wish.webhook_url),
        batch_id=batch_id,
    )


def requested_batch(job_id: JobId, shared: Wish, *, items: int) -> Job:
    """A batch of so many items that was asked for, with what they share."""
    return Job.request(
        job_id,
        operation=shared.recipe.operation,
        recipe=shared.recipe.to_dict(),
        recipe_hash=shared.recipe.recipe_hash,
        input_sha256=None,
        input_bytes=None,
        preset_label=shared.preset_label,
        sku=shared.sku,
        client_ref=shared.client_ref,
        webhook_address=None if shared.webhook_url is None else _origin(shared.webhook_url),
        items=items,
    )


def requested_publish(publish: Publish) -> Job:
    """The job that carries out a publish, queued; it makes no picture."""
    recipe = {"publishId": str(publish.publish_id)}
    job = Job.request(
        publish.job_id,
        operation=PUBLISH,
        recipe=recipe,
        recipe_hash=hashlib.sha256(orjson.dumps(recipe)).hexdigest(),
        input_sha256=None,
        input_bytes=None,
        sku=publish.wish.target.sku,
    )
    job.queue()
    return job


def without_query(url: str) -> str:
    """An address as the log may keep it: user info, query and fragment often hold credentials."""
    return _origin(url) + urlsplit(url).path


def _origin(url: str) -> str:
    """Scheme, host and port: of a webhook's address even the path may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
