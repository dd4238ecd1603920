"""/api/v1/audit: the log for outsiders, who take nobody's word for what happened."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import Field
from pydantic_core import PydanticCustomError

from domain.errors import Unauthenticated
from domain.scopes import Scope
from packshot.edge.admitted import may_still_read
from packshot.edge.bodies import PulledBody
from packshot.edge.contract import Access, Call, NoFields, Reply, endpoint
from packshot.edge.downloads import Download
from packshot.edge.fields import ReadField, Word, shown
from packshot.edge.forms import Form
from packshot.edge.paging import PageAnswer, PageForm, Total, page_of
from packshot.edge.quantities import WholeNumber
from packshot.edge.shapes import Answer, Time
from packshot.store.export_lines import MEDIA_TYPES, Format
from packshot.store.head import SignedHead
from packshot.store.notes import verifier_key

PATH = "/api/v1/audit"
LARGEST_POSITION = 10**18 - 1
WHOLE_LOG_COST = 1.0
ASK_EVERY_S = 1.0


class HeadField(ReadField):
    """A head as x-log-head carries it."""

    def read(self, value: object) -> SignedHead:
        """Read the head."""
        try:
            return SignedHead.parse(value if isinstance(value, str) else "")
        except ValueError:
            raise PydanticCustomError(
                "invalid",
                "must be POSITION.HASH.SIGNATURE, as x-log-head tells it; got {got}.",
                {"got": shown(value), "fix": "Send an x-log-head as it was answered."},
            ) from None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of a head."""
        return {
            "type": ["string", "null"],
            "pattern": r"^[0-9]{1,18}\.[0-9a-f]{64}\.[A-Za-z0-9_-]{86}$",
        }


class ExportForm(Form):
    """Which part of the log, and how it is written."""

    format: Annotated[Format, Word(tuple(MEDIA_TYPES))] = Field(
        "ndjson", description="ndjson, or csv for spreadsheets; both can be verified."
    )
    after: Annotated[int, WholeNumber(0, LARGEST_POSITION, example=0)] = Field(
        0, description="Only what follows this position: moved back to where an append begins."
    )
    until: Annotated[int, WholeNumber(1, LARGEST_POSITION, example=1000)] | None = Field(
        None, description="Only up to this position: moved on to where an append ends."
    )


class VerifyForm(Form):
    """What the log is to be held against besides its own head."""

    head: Annotated[SignedHead | None, HeadField()] = Field(
        None, description="A head that you kept, as x-log-head told it."
    )


class FirstBad(Answer):
    """The first position that shows it, and what is wrong there."""

    position: int
    reason: str


class VerifyAnswer(Answer):
    """Whether the log is what was appended; ``head`` is what it was held against."""

    valid: bool
    events: int
    head: str
    first_bad: FirstBad | None


class CheckpointAnswer(Answer):
    """How far the log had come then: ``note`` is signed, and so is ``head``."""

    position: int
    hash: str
    at: Time
    head: str
    note: str


class CheckpointsAnswer(Answer):
    """A page of checkpoints, newest first."""

    data: list[CheckpointAnswer]
    page: PageAnswer


class PublicKeyAnswer(Answer):
    """The key that signs heads and checkpoints; ``publicKey`` its 32 bytes in hex.

    ``verifierKey`` is the same for tools that verify signed notes.
    """

    algorithm: str
    public_key: str
    pem: str
    verifier_key: str


@endpoint(
    "GET",
    PATH + "/export",
    scope=Scope.AUDIT_READ,
    cost=WHOLE_LOG_COST,
    form=ExportForm,
    media_types=("application/x-ndjson", "text/csv"),
    refuses=("not_found", "overloaded"),
    answer_headers=("x-log-position", "x-log-head"),
)
async def export_log(call: Call[ExportForm]) -> Reply:
    """Answer the organization's log with all that its proof needs, however long it is."""
    form, org_id, readings = call.form, call.key.org_id, call.state.readings
    readings.require_room(org_id)
    part = await call.services.audit.part(org_id, after=form.after, until=form.until)
    media_type = MEDIA_TYPES[form.format]
    if call.request.method == "HEAD":
        return Reply(b"", media_type=media_type, head=part.head)
    name = f"packshot-log-{org_id}-{part.after}-{part.head.position}.{form.format}"
    pieces = _while_admitted(call, call.services.audit.export(part, form.format))
    return Reply(Download(pieces, media_type, name), head=part.head)


@endpoint(
    "POST",
    PATH + "/verify",
    scope=Scope.AUDIT_READ,
    cost=WHOLE_LOG_COST,
    form=VerifyForm,
    answer=VerifyAnswer,
    refuses=("not_found", "overloaded"),
)
async def verify_log(call: Call[VerifyForm]) -> Reply:
    """Recompute the organization's chain from its first event, and hold it against a head."""
    org_id, readings = call.key.org_id, call.state.readings
    readings.require_room(org_id)
    with readings.held(org_id):
        verdict, head = await call.services.audit.verify(org_id, call.form.head)
    bad = None
    if verdict.first_bad is not None:
        bad = FirstBad(position=verdict.first_bad, reason=verdict.reason or "")
    body = VerifyAnswer(valid=verdict.valid, events=verdict.events, head=str(head), first_bad=bad)
    return Reply(body)


@endpoint(
    "GET", PATH + "/checkpoints", scope=Scope.AUDIT_READ, form=PageForm, answer=CheckpointsAnswer
)
async def list_checkpoints(call: Call[PageForm]) -> Reply:
    """Answer the signed checkpoints of the organization's log, newest first."""
    form, audit = call.form, call.services.audit
    made, total = await audit.checkpoints(
        call.key.org_id, before=form.after_position(), limit=form.limit + 1
    )
    shown, page = page_of(made, form, total=Total(total), place=lambda one: str(one.position))
    data = [
        CheckpointAnswer(
            position=one.position,
            hash=one.tip.hex(),
            at=one.at,
            head=str(audit.head_of(one)),
            note=one.note,
        )
        for one in shown
    ]
    return Reply(CheckpointsAnswer(data=data, page=page))


@endpoint("GET", PATH + "/public-key", scope=Access.PUBLIC, answer=PublicKeyAnswer)
async def read_public_key(call: Call[NoFields]) -> Reply:
    """Answer the key that heads and checkpoints are verified with."""
    key = call.services.audit.public_key
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    raw = key.public_bytes_raw().hex()
    return Reply(
        PublicKeyAnswer(
            algorithm="Ed25519", public_key=raw, pem=pem, verifier_key=verifier_key(key)
        )
    )


async def _while_admitted(
    call: Call[ExportForm], pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The pieces while the client listens and its key is one; what is stopped lacks its end."""
    loop = asyncio.get_running_loop()
    asked_s = loop.time()
    body = call.request.body
    assert isinstance(body, PulledBody)
    leaving = asyncio.create_task(body.client_leaves())
    try:
        with call.state.readings.held(call.key.org_id):
            async for piece in pieces:
                if leaving.done():
                    return
                if loop.time() - asked_s >= ASK_EVERY_S:
                    if not await may_still_read(call):
                        raise Unauthenticated("key_revoked", "The key was taken back meanwhile.")
                    asked_s = loop.time()
                yield piece
    finally:
        leaving.cancel()
