"""The Amazon bridge: a shop behind a small server that its merchant runs (docs/bridge.md).

Every request is signed with Standard Webhooks; a body by itself, a request without one by its line.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode
from uuid import uuid4

import orjson

from domain.webhook_secret import WebhookSecret, signed_headers
from integrations.bridge_failures import failure_of, refused
from integrations.bridge_messages import (
    CatalogMessage,
    HealthMessage,
    ItemMessage,
    PublishMessage,
    read_message,
)
from integrations.channel import (
    CatalogItem,
    DesiredImage,
    Identity,
    Issue,
    OutcomeUnknown,
    Page,
    Plan,
    Receipt,
    Rejected,
    RemoteConflict,
    RemoteImage,
    Unreadable,
    Verdict,
)
from integrations.http import OutboundClient, OutboundFailed
from integrations.listing_plans import plan_of

ANSWER_MAX_BYTES = 1024 * 1024  # docs/bridge.md, "Refusals"
READ_S = 15.0
PUBLISH_S = 120.0
PAGE_ITEMS = 100
OK = 200


@dataclass(frozen=True, slots=True)
class AmazonBridge:
    """One bridge at one address; its answers are believed only as far as they are checked."""

    client: OutboundClient
    url: str
    secret: WebhookSecret
    clock: Callable[[], datetime]
    kind: str = "amazon-bridge"

    async def verify(self) -> Identity:
        """Who answers, to these credentials."""
        said = read_message(HealthMessage, await self._get("/health"))
        return Identity(said.account, said.name, said.version)

    async def catalog(self, cursor: str | None) -> Page:
        """The page after a cursor; raises Unreadable where it leads to itself."""
        query = urlencode({"cursor": cursor or "", "limit": PAGE_ITEMS})
        said = read_message(CatalogMessage, await self._get(f"/catalog?{query}"))
        if said.next_cursor is not None and said.next_cursor == cursor:
            raise Unreadable("The bridge's catalog leads from a page to the same page again.")
        return Page(tuple(item.as_item() for item in said.items), said.next_cursor)

    async def get_item(self, remote_id: str) -> CatalogItem:
        """The listing as it is now; raises Vanished when there is none."""
        body = await self._get(f"/catalog/{quote(remote_id, safe='')}")
        item = read_message(ItemMessage, body).as_item()
        if item.remote_id != remote_id:
            raise Unreadable("The bridge answered another listing than it was asked for.")
        return item

    async def plan(
        self,
        item: CatalogItem,
        desired: Sequence[DesiredImage],
        *,
        blobs: Mapping[str, bytes] | None = None,
    ) -> Plan:
        """How the listing comes to look so; with the bytes, also what the bridge says of it."""
        plan = plan_of(item, desired)
        if blobs is None or plan.changes_nothing:
            return plan
        try:
            said = await self._publish(plan, blobs, idempotency_key=None)
        except Rejected as rejected:
            issues = rejected.issues or (Issue("refused", rejected.detail),)
            return replace(plan, issues=issues)
        return replace(plan, issues=tuple(issue.as_issue() for issue in said.issues))

    async def apply(
        self, plan: Plan, blobs: Mapping[str, bytes], *, idempotency_key: str
    ) -> Receipt:
        """Publish the plan, once for each key."""
        said = await self._publish(plan, blobs, idempotency_key=idempotency_key)
        if said.publish_id is None or not all(image.remote_id for image in said.after):
            raise OutcomeUnknown("The bridge answered a publish without its ids.")
        issues = tuple(issue.as_issue() for issue in said.issues)
        if said.status == "rejected":
            raise Rejected("The bridge refused the publish.", issues=issues)
        return Receipt(
            item_id=plan.item_id,
            idempotency_key=idempotency_key,
            submission_id=said.publish_id,
            before=tuple(image.as_image() for image in said.before),
            after=tuple(image.as_image() for image in said.after),
            digest=said.digest,
            pending=said.status == "pending",
            issues=issues,
        )

    async def check(self, receipt: Receipt) -> tuple[Verdict, tuple[Issue, ...]]:
        """What the shop shows of it now, read from the listing itself."""
        if receipt.pending:
            path = f"/publish/{quote(receipt.submission_id, safe='')}"
            said = read_message(PublishMessage, await self._get(path))
            issues = tuple(issue.as_issue() for issue in said.issues)
            if said.status != "live":
                return Verdict(said.status), issues
        item = await self.get_item(receipt.item_id)
        is_same = _places(item.images) == _places(receipt.after)
        return (Verdict.MATCHES if is_same else Verdict.DIFFERS), ()

    async def rollback_plan(self, receipt: Receipt, before: Sequence[RemoteImage]) -> Plan:
        """How the listing comes to look as before; raises RemoteConflict if it is not as left.

        Media are kept for ever, so the former ids restore bytes, words and order exactly.
        """
        item = await self.get_item(receipt.item_id)
        if _places(item.images) != _places(receipt.after):
            raise RemoteConflict(
                "The listing was changed since the publish that is to be undone.",
                fix="Look at the listing, and publish what it is to show.",
                digest=item.images_digest,
            )
        return plan_of(item, [DesiredImage.kept(image) for image in before])

    async def _publish(
        self, plan: Plan, blobs: Mapping[str, bytes], *, idempotency_key: str | None
    ) -> PublishMessage:
        """Publish, or without a key try it out."""
        body = orjson.dumps(
            {
                "sku": plan.item_id,
                "baseDigest": plan.base_digest,
                "images": [_wanted(image, blobs) for image in plan.desired],
                "dryRun": idempotency_key is None,
            }
        )
        key = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        is_write = idempotency_key is not None
        headers = {"content-type": "application/json", **key}
        answer = await self._ask("POST", "/publish", headers=headers, body=body, is_write=is_write)
        try:
            return read_message(PublishMessage, answer)
        except Unreadable as unreadable:
            if not is_write:
                raise
            raise OutcomeUnknown(unreadable.detail, fix=unreadable.fix) from None

    async def _get(self, path: str) -> bytes:
        return await self._ask("GET", path, headers={}, body=b"", is_write=False)

    async def _ask(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        is_write: bool,
    ) -> bytes:
        """The body of a 200; everything else is a ChannelError."""
        message_id = f"msg_{uuid4().hex}"
        content = body or f"{method} {path}".encode()
        signed = signed_headers([self.secret], message_id, at=self.clock(), body=content)
        try:
            answer = await self.client.ask(
                method,
                self.url + path,
                headers={**headers, **signed, "accept": "application/json"},
                body=body,
                deadline_s=PUBLISH_S if method == "POST" else READ_S,
                max_bytes=ANSWER_MAX_BYTES,
            )
        except OutboundFailed as failed:
            raise failure_of(failed, is_write=is_write) from None
        if answer.status != OK:
            raise refused(answer, is_write=is_write)
        return answer.body


def _wanted(image: DesiredImage, blobs: Mapping[str, bytes]) -> dict[str, Any]:
    if image.reuse_remote_id is not None:
        return {"slot": image.slot, "remoteId": image.reuse_remote_id}
    wanted = {"slot": image.slot, "alt": image.alt, "sha256": image.digest}
    wanted["mediaType"] = image.media_type
    if image.digest is not None and image.digest in blobs:
        wanted["data"] = base64.b64encode(blobs[image.digest]).decode()
    return wanted


def _places(images: Sequence[RemoteImage]) -> list[tuple[str, str]]:
    return [(image.slot, image.remote_id) for image in images]
