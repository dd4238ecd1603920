"""What a webhook says: the event's type and time, and the job as it was then."""

from typing import TYPE_CHECKING

from domain.job import Job
from packshot.commands.results import Results
from packshot.edge.job_shapes import JobAnswer, job_answer
from packshot.edge.shapes import Answer, Time

if TYPE_CHECKING:
    from packshot.store.deliveries import Delivery


class WebhookBody(Answer):
    """An event as receivers are told of it."""

    type: str
    timestamp: Time
    data: JobAnswer
    org_id: str
    log_position: int


def webhook_body(job: Job, delivery: "Delivery", results: Results) -> bytes:
    """The body of a delivery: the same bytes in every try, since the job is that of its version.

    ``results`` are those of the delivery's position of the log, for the same reason.
    """
    body = WebhookBody(
        type=delivery.type,
        timestamp=delivery.occurred_at,
        data=job_answer(job, results),
        org_id=str(delivery.org_id),
        log_position=delivery.position,
    )
    return body.model_dump_json(by_alias=True).encode()
