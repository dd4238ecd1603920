"""POST /api/v1/keys/revoke-leaked: whoever found a key ends it, with the key as the only proof."""

from typing import Annotated, Literal

from pydantic import Field

from domain.errors import InvalidInput
from packshot.edge.contract import Access, Call, Reply, endpoint
from packshot.edge.credentials import ambiguous_credentials, find_key
from packshot.edge.fields import Label
from packshot.edge.forms import Form
from packshot.edge.key_fields import EXAMPLE_KEY, WholeKey
from packshot.edge.shapes import Answer


class LeakForm(Form):
    """A key that was found where it should not be."""

    key: Annotated[str, WholeKey()] | None = Field(
        None,
        description="The key as it was found; it may be sent as x-api-key instead.",
        examples=[EXAMPLE_KEY],
    )
    source: Annotated[str | None, Label()] = Field(
        None, description="Where it was found, for its owner.", examples=["a public repository"]
    )


class LeakAnswer(Answer):
    """What is answered to every report, whether or not there was such a key."""

    status: Literal["received"]
    detail: str


@endpoint(
    "POST",
    "/api/v1/keys/revoke-leaked",
    scope=Access.BY_ADDRESS,
    form=LeakForm,
    answer=LeakAnswer,
    refuses=("missing_parameter", "ambiguous_credentials", "key_malformed", "overloaded"),
)
async def revoke_leaked_key(call: Call[LeakForm]) -> Reply:
    """End a key that was found: if it works, it does not from now on, and its owner is told."""
    sent = find_key(call.exchange.credentials, b"")
    found = {text for text in (sent, call.form.key) if text}
    if not found:
        raise InvalidInput(
            "missing_parameter",
            "The report holds no key.",
            param="key",
            fix="Send the key that was found, whole.",
        )
    if len(found) > 1:
        raise ambiguous_credentials()
    exchange = call.exchange
    await call.services.key_leaks.report(
        found.pop(),
        source=call.form.source,
        address=exchange.address,
        request_id=exchange.request_id,
    )
    detail = "If this key worked until now, it does not any more."
    return Reply(LeakAnswer(status="received", detail=detail))
