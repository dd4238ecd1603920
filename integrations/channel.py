"""The port of channels: what Packshot asks of a shop, whatever the shop is.

``plan`` writes nothing: it is the dry run, the difference, and what a person approves. Undoing is
planned and applied like anything else. What a call may come to is in ``channel_errors``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from integrations.channel_errors import (
    AuthExpired,
    ChannelError,
    Issue,
    OutcomeUnknown,
    PermissionMissing,
    Rejected,
    RemoteConflict,
    Throttled,
    Transient,
    Unreadable,
    Vanished,
)

__all__ = [
    "AuthExpired",
    "CatalogItem",
    "Channel",
    "ChannelError",
    "DesiredImage",
    "Identity",
    "Issue",
    "Op",
    "OutcomeUnknown",
    "Page",
    "PermissionMissing",
    "Plan",
    "Receipt",
    "Rejected",
    "RemoteConflict",
    "RemoteImage",
    "Step",
    "Throttled",
    "Transient",
    "Unreadable",
    "Vanished",
    "Verdict",
]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers there: ``account_id`` names the shop's account, ``display_name`` is for people.

    ``missing_scopes`` are permissions that the credentials should have and lack.
    """

    account_id: str
    display_name: str
    api_version: str
    missing_scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """A picture of a listing as the shop has it; ``sha256`` of its bytes, where the shop says."""

    remote_id: str
    slot: str
    url: str
    alt: str
    width: int | None
    height: int | None
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogItem:
    """A listing. ``raw_digest`` changes with everything that is told of it.

    ``images_digest`` is the shop's own word for its pictures and their order: what a plan was made
    from, and what must still be so when it is applied.
    """

    remote_id: str
    sku: str
    title: str
    url: str | None
    updated_at: datetime | None
    images: tuple[RemoteImage, ...]
    images_digest: str
    raw_digest: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the catalog; ``cursor`` is opaque and leads to the next one, None after the last.

    It is saved in the transaction that saves the items.
    """

    items: tuple[CatalogItem, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class DesiredImage:
    """A picture that a listing is to have: one the shop has, or new bytes.

    ``reuse_remote_id`` names the shop's own; else ``digest`` (SHA-256, hex) names the bytes.
    """

    slot: str
    alt: str
    digest: str | None = None
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    size: int | None = None
    reuse_remote_id: str | None = None

    @classmethod
    def kept(cls, image: RemoteImage, *, slot: str | None = None) -> "DesiredImage":
        """A picture that the shop has, in its place or in another."""
        return cls(
            slot=slot or image.slot,
            alt=image.alt,
            digest=image.sha256,
            width=image.width,
            height=image.height,
            size=image.size,
            reuse_remote_id=image.remote_id,
        )


class Op(StrEnum):
    """What a step does: attach brings back a picture that the shop has and does not show."""

    KEEP = "keep"
    MOVE = "move"
    ATTACH = "attach"
    UPLOAD = "upload"
    DETACH = "detach"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens in one slot: ``before`` is what it shows, ``after`` what it shall show."""

    op: Op
    slot: str
    before: RemoteImage | None
    after: DesiredImage | None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a listing comes to look as desired, and what the shop has against it (``issues``).

    ``steps`` are in the order of the listing as it shall be, with what goes away at the end.
    ``base_digest`` is the ``images_digest`` that it was made from.
    """

    item_id: str
    base_digest: str
    before: tuple[RemoteImage, ...]
    steps: tuple[Step, ...]
    issues: tuple[Issue, ...] = ()

    @property
    def desired(self) -> tuple[DesiredImage, ...]:
        """The whole listing as it shall be, in order."""
        return tuple(step.after for step in self.steps if step.after is not None)

    @property
    def changes_nothing(self) -> bool:
        """Whether the listing looks so already."""
        return all(step.op is Op.KEEP for step in self.steps)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the shop said that it did; ``pending`` while it has not decided yet.

    ``before`` and ``after`` are the whole listing; ``digest`` its images' digest now.
    """

    item_id: str
    idempotency_key: str
    submission_id: str
    before: tuple[RemoteImage, ...]
    after: tuple[RemoteImage, ...]
    digest: str
    pending: bool
    issues: tuple[Issue, ...] = ()


class Verdict(StrEnum):
    """What a shop shows, against what was published."""

    MATCHES = "matches"
    PENDING = "pending"
    DIFFERS = "differs"
    REJECTED = "rejected"


class Channel(Protocol):
    """One connection to one shop. Every method raises ChannelError and nothing else of the net."""

    @property
    def kind(self) -> str:
        """What kind of shop it is."""
        ...

    async def verify(self) -> Identity:
        """Who answers, to these credentials."""
        ...

    async def catalog(self, cursor: str | None) -> Page:
        """The page after a cursor; the first one after None."""
        ...

    async def get_item(self, remote_id: str) -> CatalogItem:
        """The listing as it is now; raises Vanished when there is none."""
        ...

    async def plan(
        self,
        item: CatalogItem,
        desired: Sequence[DesiredImage],
        *,
        blobs: Mapping[str, bytes] | None = None,
    ) -> Plan:
        """How the listing comes to look so; writes nothing.

        With ``blobs``, the bytes by their digest, the shop is asked what it has against it.
        """
        ...

    async def apply(
        self, plan: Plan, blobs: Mapping[str, bytes], *, idempotency_key: str
    ) -> Receipt:
        """Do it, once for each key; raises RemoteConflict when the listing has changed since.

        OutcomeUnknown says that it may have been done: the same key may be sent again.
        """
        ...

    async def check(self, receipt: Receipt) -> tuple[Verdict, tuple[Issue, ...]]:
        """What the shop shows of it now."""
        ...

    async def rollback_plan(self, receipt: Receipt, before: Sequence[RemoteImage]) -> Plan:
        """How the listing comes to look as before; applies only while it is as we left it."""
        ...
