"""/api/v1/publishes: outputs brought to the listings of shops, and taken back."""

from collections.abc import Callable
from typing import Any

from domain.errors import Conflict
from domain.ids import PublishId
from domain.scopes import Scope
from packshot.commands.publishes import Published
from packshot.edge.contract import Call, Endpoint, Handler, NoFields, Reply, endpoint
from packshot.edge.paging import MOST_COUNTED, Total, page_of
from packshot.edge.path_ids import parsed_integration_id, publish_id_of
from packshot.edge.publish_forms import PublishesForm, PublishForm, wish_of
from packshot.edge.publish_shapes import (
    PUBLISHES_PATH,
    DiffAnswer,
    PlanAnswer,
    PublishAnswer,
    PublishesAnswer,
    VerifiedAnswer,
    diff_answer,
    plan_answer,
    publish_answer,
    verified_answer,
)
from packshot.edge.trying import refuse_test_key
from projections.publishes import PublishFilter

PUBLISH = PUBLISHES_PATH + "/{publishId}"
HEADERS = ("x-log-position", "x-log-head")
SHOP_REFUSALS = (
    "not_found", "invalid_parameter", "publish_drifted", "channel_rejected", "channel_unreachable",
    "org_suspended", "overloaded",
)  # fmt: skip
CHANGE_REFUSALS = (*SHOP_REFUSALS, "already_terminal", "version_conflict")
DRY_ONLY = "publishes as a dry run only: send dryRun=true"


@endpoint(
    "POST",
    PUBLISHES_PATH,
    scope=Scope.PUBLISH_WRITE,
    cost=1.0,
    form=PublishForm,
    answer=PlanAnswer,
    accepted=PublishAnswer,
    refuses=(
        "missing_parameter",
        "test_key",
        "file_too_large",
        "compliance_failed",
        *SHOP_REFUSALS,
    ),
    answer_headers=("location", *HEADERS),
)
async def create_publish(call: Call[PublishForm]) -> Reply:
    """Publish an output to a listing, or answer what that would do."""
    wish, publishes, org_id = wish_of(call.form), call.services.publishes, call.key.org_id
    if call.form.dry_run:
        dry, report = await publishes.plan(org_id, wish)
        addresses = await publishes.addresses(org_id, [wish])
        return Reply(plan_answer(dry, addresses, report=report))
    refuse_test_key(call, DRY_ONLY)
    return await _accepted(call, await publishes.request(call.context, wish))


@endpoint(
    "GET",
    PUBLISHES_PATH,
    scope=Scope.PUBLISH_READ,
    form=PublishesForm,
    answer=PublishesAnswer,
    refuses=("not_found",),
)
async def list_publishes(call: Call[PublishesForm]) -> Reply:
    """Answer the organization's publishes, newest first."""
    form, publishes = call.form, call.services.publishes
    shop = None if form.integration_id is None else parsed_integration_id(form.integration_id)
    wanted = PublishFilter(form.status, None if shop is None else shop.uuid)
    found = await publishes.list(
        call.key.org_id,
        wanted,
        before=form.after_id(PublishId),
        limit=form.limit + 1,
        count_at_most=None if wanted.is_everything else MOST_COUNTED + 1,
    )
    total = Total(found.total) if wanted.is_everything else Total.counted(found.total)
    shown, page = page_of(found.publishes, form, total=total, place=lambda one: str(one.publish_id))
    addresses = await publishes.addresses(call.key.org_id, [one.wish for one in shown])
    told = [publish_answer(one, found.actors[one.id], addresses) for one in shown]
    return Reply(PublishesAnswer(data=told, page=page))


@endpoint("GET", PUBLISH, scope=Scope.PUBLISH_READ, answer=PublishAnswer, refuses=("not_found",))
async def find_publish(call: Call[NoFields]) -> Reply:
    """Answer a publish with its attempts, and what its listing showed before and after."""
    return Reply(await _told(call, await _found(call)))


@endpoint(
    "GET",
    PUBLISH + "/diff",
    scope=Scope.PUBLISH_READ,
    answer=DiffAnswer,
    refuses=("not_found", "version_conflict"),
)
async def find_diff(call: Call[NoFields]) -> Reply:
    """Answer the plan of a publish: its listing before, and the steps to what it was to show."""
    publish = (await _found(call)).publish
    if publish.planned is None:
        raise Conflict(
            "version_conflict",
            "The publish has no plan yet, or none any more.",
            fix="Read the publish to see its status, or send dryRun=true.",
        )
    addresses = await call.services.publishes.addresses(call.key.org_id, [publish.wish])
    return Reply(diff_answer(publish, publish.planned, addresses))


def _queues_anew(verb: str) -> Callable[[Handler], Endpoint]:
    """Declare what has the shop told once more because of a publish that there is."""
    return endpoint(
        "POST",
        f"{PUBLISH}/{verb}",
        scope=Scope.PUBLISH_WRITE,
        cost=1.0,
        accepted=PublishAnswer,
        refuses=("test_key", *CHANGE_REFUSALS),
        answer_headers=("location", *HEADERS),
    )


@_queues_anew("rollback")
async def roll_back_publish(call: Call[NoFields]) -> Reply:
    """Take a publish back: a publish of exactly the pictures that were there before."""
    refuse_test_key(call, DRY_ONLY)
    asked = await call.services.publishes.rollback(call.context, publish_id_of(call.path))
    return await _accepted(call, asked)


@_queues_anew("retry")
async def retry_publish(call: Call[NoFields]) -> Reply:
    """Have a publish that failed, or whose outcome is not known, carried out once more."""
    refuse_test_key(call, DRY_ONLY)
    asked = await call.services.publishes.retry(call.context, publish_id_of(call.path))
    return await _accepted(call, asked)


@endpoint(
    "POST",
    PUBLISH + "/verify",
    scope=Scope.PUBLISH_WRITE,
    cost=1.0,
    answer=VerifiedAnswer,
    refuses=CHANGE_REFUSALS,
    answer_headers=HEADERS,
)
async def verify_publish(call: Call[NoFields]) -> Reply:
    """Read the listing again and answer whether it shows what was published."""
    publishes = call.services.publishes
    seen = await publishes.verify(call.context, publish_id_of(call.path))
    addresses = await publishes.addresses(call.key.org_id, [seen.publish.wish])
    return Reply(verified_answer(seen, addresses), head=seen.head)


async def _accepted(call: Call[Any], asked: Published) -> Reply:
    """The answer to a publish that is still to be carried out, and where to look for it."""
    return Reply(
        await _told(call, asked),
        status=202,
        headers={"location": f"{PUBLISHES_PATH}/{asked.publish.publish_id}"},
        head=asked.head,
    )


async def _told(call: Call[Any], asked: Published) -> PublishAnswer:
    wishes = [asked.publish.wish]
    addresses = await call.services.publishes.addresses(call.key.org_id, wishes)
    return publish_answer(asked.publish, asked.actor, addresses, report=asked.report)


async def _found(call: Call[Any]) -> Published:
    return await call.services.publishes.find(call.key.org_id, publish_id_of(call.path))
