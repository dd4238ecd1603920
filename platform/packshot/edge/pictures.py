"""How every endpoint that makes a picture answers: now, or as a job, as JSON or as bytes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from domain.ids import OrgId
from domain.job import HIGHEST_PRIORITY
from domain.output import Output
from domain.scopes import Scope
from imaging.limits import TooLargeHere
from packshot.commands.images import Processed
from packshot.commands.jobs import Changed, Jobs, Plan
from packshot.commands.making import Wish
from packshot.edge.contract import Call, Endpoint, Handler, Reply, endpoint
from packshot.edge.fetching import fetched
from packshot.edge.job_shapes import JobAnswer, accepted, refusal_of_job
from packshot.edge.negotiation import wants_async, wants_bytes
from packshot.edge.shapes import (
    Answer,
    OutputAnswer,
    WarningAnswer,
    file_answer,
    output_answer,
    timings_answer,
)
from packshot.edge.sources import PictureForm, PictureFormT, check_webhook_url, source_of, wish_of

# The HTTP API: after this the synchronous endpoints answer 202 with the job.
LONGEST_WAIT_S = 25.0
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp")
PICTURE_REFUSALS = (
    "missing_parameter", "ambiguous_input", "too_many_pixels", "too_much_memory",
    "unsupported_image_format", "malformed_image", "url_not_allowed", "url_fetch_failed",
    "org_suspended", "overloaded", "timeout", "job_dead",
)  # fmt: skip
PICTURE_HEADERS = ("x-log-position", "x-log-head", "x-output-id", "x-recipe-hash")


class PictureAnswer(Answer):
    """The finished picture."""

    output: OutputAnswer


def picture_endpoint(
    path: str,
    *,
    scope: Scope,
    cost: float,
    form: type[PictureForm],
    refuses: tuple[str, ...] = (),
) -> Callable[[Handler], Endpoint]:
    """Declare an operation: all of them take a picture and answer one, and differ in their form.

    ``refuses`` are the codes beyond those of every operation.
    """
    return endpoint(
        "POST",
        path,
        scope=scope,
        cost=cost,
        form=form,
        file_field="image",
        answer=PictureAnswer,
        media_types=PICTURE_TYPES,
        refuses=(*PICTURE_REFUSALS, *refuses),
        accepted=JobAnswer,
        answer_headers=PICTURE_HEADERS,
    )


async def made_picture(call: Call[PictureFormT]) -> Reply:
    """Make what the form asks for, and answer it as the client wants it.

    A picture that is too large for this process is made by a worker; the answer waits for it.
    """
    wish = wish_of(call.form)
    source = await source_of(call)
    await check_webhook_url(call)
    jobs, images = call.services.jobs, call.services.images
    if wants_async(call.request.headers.getlist("prefer")):
        return accepted(await jobs.request(call.context, source, wish, plan=Plan()))
    async with fetched(call, source) as photo:
        try:
            processed = await images.process(call.context, photo, wish)
        except TooLargeHere:
            plan = Plan(priority=HIGHEST_PRIORITY)
            changed = await jobs.request(call.context, photo, wish, plan=plan)
            return replace(accepted(changed), later=partial(_when_done, call, wish, changed))
    return _done(call, wish, processed)


async def ended_picture(jobs: Jobs, org_id: OrgId, asked: Changed) -> Processed | Changed:
    """What a worker made of a large picture, or the job as it is if that takes too long.

    Raises the Refusal that ended the job.
    """
    job = await jobs.wait(org_id, asked.job.job_id, at_most_s=LONGEST_WAIT_S)
    if job.error is not None:
        raise refusal_of_job(job.error)
    if job.status != "succeeded":
        return Changed(job, asked.head)
    return Processed(Output.from_dict(job.outputs[0]), job.job_id, job.cached, asked.head)


async def _when_done(call: Call[PictureFormT], wish: Wish, asked: Changed) -> Reply:
    ended = await ended_picture(call.services.jobs, call.key.org_id, asked)
    return accepted(ended) if isinstance(ended, Changed) else _done(call, wish, ended)


def _done(call: Call[PictureFormT], wish: Wish, processed: Processed) -> Reply:
    if wants_bytes(call.request.headers.get("accept")):
        return _as_bytes(call, processed)
    told = _told(processed, wish, unused=call.form.unused())
    return Reply(PictureAnswer(output=told), head=processed.head)


def _told(processed: Processed, wish: Wish, *, unused: list[dict[str, str]]) -> OutputAnswer:
    """The output with this request's own job and words, also when an earlier one had made it."""
    told = output_answer(processed.output)
    return told.model_copy(
        update={
            "warnings": [*told.warnings, *(WarningAnswer(**warning) for warning in unused)],
            "job_id": str(processed.job_id),
            "cached": processed.cached,
            "timings": timings_answer(processed.timings),
            "preset_label": wish.preset_label,
            "sku": wish.sku,
            "client_ref": wish.client_ref,
        }
    )


def _as_bytes(call: Call[PictureFormT], processed: Processed) -> Reply:
    output = processed.output
    path = call.services.images.content_path(call.key.org_id, output)
    return Reply(
        file_answer(output, path),
        headers={
            "x-output-id": str(output.output_id),
            "x-recipe-hash": output.recipe_hash,
            "vary": "accept",
        },
        head=processed.head,
    )
