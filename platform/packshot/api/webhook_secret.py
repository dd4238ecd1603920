"""GET /api/v1/org/webhook-secret and its rotation: what receivers verify webhooks with."""

from domain.scopes import Scope
from packshot.commands.webhook_secrets import Shown
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.shapes import Answer, Time

PATH = "/api/v1/org/webhook-secret"


class WebhookSecretAnswer(Answer):
    """The secret of now; ``createdAt`` is null for the first one.

    Until ``previousValidUntil`` webhooks carry the signature of the one before it too.
    """

    secret: str
    version: int
    created_at: Time | None
    previous_valid_until: Time | None


@endpoint("GET", PATH, scope=Scope.WEBHOOKS_MANAGE, answer=WebhookSecretAnswer)
async def read_webhook_secret(call: Call[NoFields]) -> Reply:
    """Answer the secret that the organization's webhooks are signed with."""
    return Reply(_answer(await call.services.webhook_secrets.show(call.key.org_id)))


@endpoint(
    "POST",
    PATH + "/rotate",
    scope=Scope.WEBHOOKS_MANAGE,
    answer=WebhookSecretAnswer,
    refuses=("org_suspended", "version_conflict"),
    answer_headers=("x-log-position", "x-log-head"),
)
async def rotate_webhook_secret(call: Call[NoFields]) -> Reply:
    """Make a new secret; for 24 hours webhooks carry the signature of the one before it too."""
    shown, head = await call.services.webhook_secrets.rotate(call.context)
    return Reply(_answer(shown), head=head, once=frozenset({"secret"}))


def _answer(shown: Shown) -> WebhookSecretAnswer:
    return WebhookSecretAnswer(
        secret=shown.secret.text,
        version=shown.version,
        created_at=shown.created_at,
        previous_valid_until=shown.previous_valid_until,
    )
