"""GET /api/v1/activity: who did what in the organization, newest first."""

from typing import Annotated

from pydantic import Field

from domain.scopes import Scope
from packshot.edge.contract import Call, Reply, endpoint
from packshot.edge.fields import Label
from packshot.edge.looking_back import PastPageForm
from packshot.edge.paging import MOST_COUNTED, PageAnswer, Total, page_of
from packshot.edge.shapes import Answer, Time
from projections.activity import Activity, ActivityView, Wanted


class ActivityForm(PastPageForm):
    """Which entries of the feed."""

    type: Annotated[str | None, Label(100)] = Field(
        None, description="Only entries of this type, such as job.succeeded."
    )
    actor: Annotated[str | None, Label(200)] = Field(
        None, description="Only what this actor did: the actor's id."
    )


class ActivityActor(Answer):
    """Who did it; ``name`` where the actor has one."""

    type: str
    id: str
    name: str | None


class ActivitySubject(Answer):
    """What it happened to."""

    type: str
    id: str


class ActivityEntry(Answer):
    """One event of the organization's log, told in a sentence."""

    event_id: str
    position: int
    at: Time
    type: str
    actor: ActivityActor
    subject: ActivitySubject
    sentence: str
    request_id: str


class ActivityAnswer(Answer):
    """A page of the feed, newest first."""

    data: list[ActivityEntry]
    page: PageAnswer


@endpoint(
    "GET",
    "/api/v1/activity",
    scope=Scope.AUDIT_READ,
    form=ActivityForm,
    answer=ActivityAnswer,
    follows=ActivityView.name,
)
async def list_activity(call: Call[ActivityForm]) -> Reply:
    """Answer what happened in the organization, newest first."""
    form, org_id = call.form, call.key.org_id
    wanted = Wanted(form.type, form.actor, before=form.after_position(), at=call.position)
    rows, count = await call.services.trail.entries(
        org_id, wanted, limit=form.limit + 1, count_at_most=MOST_COUNTED + 1
    )
    total = Total(count) if wanted.is_everything else Total.counted(count)
    shown, page = page_of(
        rows, form, total=total, place=lambda row: str(row.position), at=call.position
    )
    return Reply(ActivityAnswer(data=[_entry(activity) for activity in shown], page=page))


def _entry(activity: Activity) -> ActivityEntry:
    return ActivityEntry(
        event_id=str(activity.event_id),
        position=activity.position,
        at=activity.at,
        type=activity.type,
        actor=ActivityActor(
            type=activity.actor_type, id=activity.actor_id, name=activity.actor_name
        ),
        subject=ActivitySubject(type=activity.subject_type, id=activity.subject_id),
        sentence=activity.sentence,
        request_id=activity.request_id,
    )
