"""How answers tell a publish and its plan, made from the publish as its events tell it."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.listing import Image, ListingPlan, Wish
from domain.publish import Publish
from domain.recorded import Actor
from imaging.compliance import Report
from packshot.commands.publish_plans import DryRun
from packshot.commands.publishes import Addresses, Verified
from packshot.edge.job_shapes import error_of
from packshot.edge.paging import PageAnswer
from packshot.edge.report_shapes import ReportAnswer, report_answer
from packshot.edge.shapes import Answer, Time

PUBLISHES_PATH = "/api/v1/publishes"


class ImageAnswer(Answer):
    """A picture of a listing; ``remoteId`` is null for one that the shop does not have yet."""

    remote_id: str | None
    slot: str
    url: str | None
    alt: str
    width: int | None
    height: int | None
    bytes: int | None
    bytes_sha256: str | None
    output_id: str | None


class ListingAnswer(Answer):
    """What a listing showed, and the shop's digest of that."""

    digest: str
    images: list[ImageAnswer]


class ItemAnswer(Answer):
    """The listing that is meant."""

    sku: str
    title: str
    url: str | None


class StepAnswer(Answer):
    """What happens in one slot: keep, move, attach (the shop has it), upload or detach."""

    op: str
    slot: str
    before: ImageAnswer | None
    after: ImageAnswer | None


class IssueAnswer(Answer):
    """What the shop has against a picture, in its own code and words."""

    code: str
    message: str
    slot: str | None


class PixelsAnswer(Answer):
    """Where the difference between the pictures can be seen; not drawn yet."""

    diff_url: str | None = None


class PlanAnswer(Answer):
    """What a publish would do to the listing as it is now.

    ``baseDigest`` names the listing that was seen: a publish that sends it back is carried out for
    that one only. ``compliance`` is null where the picture was not judged.
    """

    item: ItemAnswer
    steps: list[StepAnswer]
    base_digest: str
    changes_nothing: bool
    issues: list[IssueAnswer]
    compliance: ReportAnswer | None
    pixels: PixelsAnswer


class TargetAnswer(Answer):
    """Where the picture was to go."""

    sku: str | None
    product_id: str | None
    slot: str | None
    position: int | None


class AttemptAnswer(Answer):
    """One time that the shop was told; ``outcome`` is null while it is not known."""

    attempt: int
    started_at: Time
    ended_at: Time | None
    outcome: str | None
    error: Mapping[str, Any] | None


class RemoteAnswer(Answer):
    """What the shop made of the picture."""

    remote_id: str
    slot: str
    url: str | None
    bytes_sha256: str


class ActorAnswer(Answer):
    """Who asked for it."""

    type: str
    id: str


class PublishLinksAnswer(Answer):
    """Where to look further."""

    self_: str
    diff: str
    job: str

    model_config = Answer.model_config | {"alias_generator": lambda name: name.rstrip("_")}


class PublishAnswer(Answer):
    """A publish.

    ``status`` is queued, planned, uploading, processing, live, failed, unknown, drifted or
    rolled_back. ``before`` is what the listing showed, kept before anything was sent; ``after``
    what it was seen to show; ``found`` what it showed when it was seen to have drifted.
    ``compliance`` is told by the answer to a request with requireCompliance.
    """

    publish_id: str
    status: str
    integration_id: str
    target: TargetAnswer
    mode: str
    require_compliance: str
    output_id: str | None
    undo_of: str | None
    undone_by: str | None
    job_id: str
    remote: RemoteAnswer | None
    before: ListingAnswer | None
    after: ListingAnswer | None
    found: list[ImageAnswer] | None
    attempts: list[AttemptAnswer]
    error: Mapping[str, Any] | None
    compliance: ReportAnswer | None
    actor: ActorAnswer
    created_at: Time
    updated_at: Time
    ended_at: Time | None
    links: PublishLinksAnswer


class VerifiedAnswer(PublishAnswer):
    """A publish whose listing was read again: ``verdict`` is matches or differs."""

    verdict: str
    shown: list[ImageAnswer]


class DiffAnswer(Answer):
    """The plan of a publish: what its listing showed, and the steps to what it was to show."""

    publish_id: str
    item: ItemAnswer
    base_digest: str
    before: list[ImageAnswer]
    after: list[ImageAnswer]
    steps: list[StepAnswer]


class PublishesAnswer(Answer):
    """A page of publishes, newest first."""

    data: list[PublishAnswer]
    page: PageAnswer


class _Pictures:
    """Tells pictures; one of ours that the shop does not have yet by its output."""

    def __init__(self, wish: Wish, addresses: Addresses) -> None:
        self._wish = wish
        self._addresses = addresses

    def answer(self, image: Image) -> ImageAnswer:
        wish = self._wish
        is_ours = wish.output_sha256 is not None and image.get("sha256") == wish.output_sha256
        output_id = str(wish.output_id) if is_ours else None
        told = image.get("url")
        own = None if output_id is None else f"/api/v1/outputs/{output_id}/content"
        return ImageAnswer(
            remote_id=image["remote_id"],
            slot=image["slot"],
            url=own if told is None else self._addresses.of(wish, told),
            alt=image["alt"],
            width=image.get("width"),
            height=image.get("height"),
            bytes=image.get("size"),
            bytes_sha256=image.get("sha256"),
            output_id=output_id,
        )

    def all(self, images: Sequence[Image]) -> list[ImageAnswer]:
        return [self.answer(image) for image in images]

    def step(self, step: Mapping[str, Any], before: Sequence[Image]) -> StepAnswer:
        after = None if step["after"] is None else _with_url(step["after"], before)
        return StepAnswer(
            op=step["op"],
            slot=step["slot"],
            before=None if step["before"] is None else self.answer(step["before"]),
            after=None if after is None else self.answer(after),
        )


def plan_answer(dry: DryRun, addresses: Addresses, *, report: Report | None) -> PlanAnswer:
    """A dry run as callers are told of it."""
    pictures = _Pictures(dry.wish, addresses)
    return PlanAnswer(
        item=_item(dry.plan),
        steps=[pictures.step(step, dry.plan.before) for step in dry.plan.steps],
        base_digest=dry.plan.base_digest,
        changes_nothing=dry.plan.changes_nothing,
        issues=[IssueAnswer(code=i.code, message=i.message, slot=i.slot) for i in dry.issues],
        compliance=_report(report),
        pixels=PixelsAnswer(),
    )


def diff_answer(publish: Publish, plan: ListingPlan, addresses: Addresses) -> DiffAnswer:
    """The plan of a publish as callers are told of it."""
    pictures = _Pictures(publish.wish, addresses)
    return DiffAnswer(
        publish_id=str(publish.publish_id),
        item=_item(plan),
        base_digest=plan.base_digest,
        before=pictures.all(plan.before),
        after=pictures.all([_with_url(image, plan.before) for image in plan.wanted]),
        steps=[pictures.step(step, plan.before) for step in plan.steps],
    )


def publish_answer(
    publish: Publish, actor: Actor, addresses: Addresses, *, report: Report | None = None
) -> PublishAnswer:
    """A publish as callers are told of it; with the report that its request asked for."""
    members = _members(publish, actor, addresses)
    return PublishAnswer(**members | {"compliance": _report(report)})


def verified_answer(seen: Verified, addresses: Addresses) -> VerifiedAnswer:
    """A publish whose listing was read again."""
    return VerifiedAnswer(
        **_members(seen.publish, seen.actor, addresses),
        verdict="matches" if seen.is_as_wanted else "differs",
        shown=_Pictures(seen.publish.wish, addresses).all(seen.found),
    )


def _members(publish: Publish, actor: Actor, addresses: Addresses) -> dict[str, Any]:
    wish, plan, pictures = publish.wish, publish.planned, _Pictures(publish.wish, addresses)
    path = f"{PUBLISHES_PATH}/{publish.publish_id}"
    return {
        "publish_id": str(publish.publish_id),
        "status": publish.status,
        "integration_id": str(wish.integration_id),
        "target": TargetAnswer(**wish.target.as_dict()),
        "mode": wish.mode,
        "require_compliance": wish.require_compliance,
        "output_id": None if wish.output_id is None else str(wish.output_id),
        "undo_of": None if wish.undo_of is None else str(wish.undo_of),
        "undone_by": None if publish.undone_by is None else str(publish.undone_by),
        "job_id": str(publish.job_id),
        "remote": _remote(publish, addresses),
        "before": plan and ListingAnswer(digest=plan.base_digest, images=pictures.all(plan.before)),
        "after": publish.digest
        and ListingAnswer(digest=publish.digest, images=pictures.all(publish.after)),
        "found": None if publish.found is None else pictures.all(publish.found),
        "attempts": [_attempt(attempt) for attempt in publish.attempts],
        "error": None if publish.error is None else error_of(publish.error),
        "compliance": None,
        "actor": ActorAnswer(type=actor.kind, id=actor.id),
        "created_at": publish.created_on,
        "updated_at": publish.modified_on,
        "ended_at": publish.ended_at,
        "links": PublishLinksAnswer(self_=path, diff=path + "/diff", job=_job_path(publish)),
    }


def _report(report: Report | None) -> ReportAnswer | None:
    return None if report is None else report_answer(report, with_fix=True, with_evidence=False)


def _job_path(publish: Publish) -> str:
    return f"/api/v1/jobs/{publish.job_id}"


def _remote(publish: Publish, addresses: Addresses) -> RemoteAnswer | None:
    remote = publish.remote
    if remote is None:
        return None
    return RemoteAnswer(
        remote_id=remote["remote_id"],
        slot=remote["slot"],
        url=addresses.of(publish.wish, remote["url"]),
        bytes_sha256=remote["sha256"],
    )


def _attempt(attempt: Mapping[str, Any]) -> AttemptAnswer:
    error = attempt.get("error")
    return AttemptAnswer(
        attempt=attempt["attempt"],
        started_at=attempt["started_at"],
        ended_at=attempt.get("ended_at"),
        outcome=attempt.get("outcome"),
        error=None if error is None else error_of(error),
    )


def _item(plan: ListingPlan) -> ItemAnswer:
    return ItemAnswer(sku=plan.item["sku"], title=plan.item["title"], url=plan.item["url"])


def _with_url(image: Image, before: Sequence[Image]) -> Image:
    """A wanted picture with the address that the listing had for it."""
    known = {one["remote_id"]: one["url"] for one in before}
    return {"url": known.get(image["remote_id"]), **image}
