"""GET /api/v1/limits: what the key may do, and how much of it is left."""

from math import ceil
from time import time

from pydantic import Field

from imaging.limits import Limits
from packshot.edge.contract import Access, Call, NoFields, Reply, endpoint
from packshot.edge.limits import Decision
from packshot.edge.shapes import Answer
from packshot.wiring import MOST_PIXELS_HERE


class BucketAnswer(Answer):
    """A limit that every request of the key counts on.

    ``limit`` requests of weight 1 may come at once, and as many again in ``windowSeconds``;
    ``reset`` is the Unix time at which it is whole again. Only the organization's is weighted.
    """

    policy: str = Field(examples=["organization"])
    limit: int = Field(examples=[1000])
    window_seconds: int = Field(examples=[10])
    remaining: int = Field(examples=[999])
    reset: int = Field(examples=[1795456800])


class ConcurrencyAnswer(Answer):
    """How many heavy requests of the organization may be worked on at once, and how many are."""

    limit: int = Field(examples=[64])
    running: int = Field(examples=[0])


class UploadAnswer(Answer):
    """How large an uploaded file may be."""

    max_bytes: int


class PixelsAnswer(Answer):
    """What a picture may have; one above ``maxAnsweredAtOnce`` is worked on by a worker."""

    max_pixels: int
    max_side: int
    max_answered_at_once: int
    max_result_pixels: int


class LimitsAnswer(Answer):
    """The limits of the key, the tightest bucket first; this request is counted already.

    ``degraded`` says that the buckets are counted by the answering process alone for now.
    """

    buckets: list[BucketAnswer]
    concurrency: ConcurrencyAnswer
    upload: UploadAnswer
    pixels: PixelsAnswer
    degraded: bool


@endpoint("GET", "/api/v1/limits", scope=Access.ANY_KEY, answer=LimitsAnswer)
async def read_limits(call: Call[NoFields]) -> Reply:
    """Answer what the key may do, and how much of it is left."""
    decision, pixels = call.exchange.decision, Limits()
    running = await call.state.places.count(call.key.org_id)
    return Reply(
        LimitsAnswer(
            buckets=[_bucket(told) for told in (decision, *decision.also)],
            concurrency=ConcurrencyAnswer(limit=call.key.limits.at_once, running=running),
            upload=UploadAnswer(max_bytes=call.services.settings.upload_max_bytes),
            pixels=PixelsAnswer(
                max_pixels=pixels.pixels,
                max_side=pixels.side_px,
                max_answered_at_once=MOST_PIXELS_HERE,
                max_result_pixels=pixels.result_pixels,
            ),
            degraded=call.state.limiter.is_degraded,
        )
    )


def _bucket(told: Decision) -> BucketAnswer:
    return BucketAnswer(
        policy=told.policy.name,
        limit=told.policy.burst,
        window_seconds=told.policy.window_s,
        remaining=told.remaining,
        reset=ceil(time()) + ceil(told.reset_s),
    )
