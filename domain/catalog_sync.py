"""A catalog sync: one reading of a shop's catalog, from the first page to the last.

Its events are the catalog: what a page told that was not known yet, and what is there no more. The
cursor of the next page stands beside the items of the page before it, so a sync that was cut short
goes on from there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.errors import Conflict, Refusal
from domain.ids import IntegrationId, ItemId, SyncId

Status = Literal["running", "failed", "synced"]


def item_id_of(integration_id: IntegrationId, remote_id: str) -> ItemId:
    """The id of a listing: the same at every sync of the same connection (RFC 9562, version 5)."""
    return ItemId(uuid5(integration_id.uuid, remote_id))


class CatalogSync(Aggregate):
    """One sync of one connection."""

    TOPIC = "catalog"

    class Event(Aggregate.Event):
        """Something that happened in a sync."""

        TOPIC = "catalog.event"

    class Created(Event, Aggregate.Created):
        """The base of creation that the library asks for; never recorded itself."""

        TOPIC = "catalog.created.v1"

    class SyncStarted(Created):
        """The first page is about to be read."""

        TOPIC = "catalog.sync-started.v1"
        integration_id: str

    class PageFetched(Event):
        """A page was read; ``cursor`` leads to the next one, None after the last.

        ``items`` are the listings that are new or not as they were, ``removed`` the item ids (UUID)
        of those that are there no more, ``seen`` how many the page told.
        """

        TOPIC = "catalog.page-fetched.v1"
        integration_id: str
        cursor: str | None
        items: list[dict[str, Any]]
        removed: list[str]
        seen: int

    class Synced(Event):
        """The catalog was read to its end: how many listings there are, and what was news."""

        TOPIC = "catalog.synced.v1"
        integration_id: str
        items: int
        changed: int
        removed: int

    class SyncFailed(Event):
        """The shop could not be read on; ``error`` is the refusal that says why."""

        TOPIC = "catalog.sync-failed.v1"
        error: dict[str, Any]

    class SyncResumed(Event):
        """A sync that had failed goes on from its last page."""

        TOPIC = "catalog.sync-resumed.v1"

    @classmethod
    def start(cls, sync_id: SyncId, *, integration_id: IntegrationId) -> Self:
        """Begin with the first page."""
        return cls._create(cls.SyncStarted, id=sync_id.uuid, integration_id=str(integration_id))

    @event(SyncStarted)
    def __init__(self, *, integration_id: str) -> None:
        self.integration_id = IntegrationId.parse(integration_id)
        self.status: Status = "running"
        self.cursor: str | None = None
        self.is_read = False
        self.pages = 0
        self.seen = 0
        self.changed = 0
        self.removed = 0
        self.items = 0
        self.error: dict[str, Any] | None = None

    @property
    def sync_id(self) -> SyncId:
        """The sync's id."""
        return SyncId(self.id)

    def fetch(self, *, cursor: str | None, items: Sequence[Mapping[str, Any]], seen: int) -> None:
        """Record a page; raises Conflict when the sync is over or the last page was read."""
        self._expect_running()
        if self.is_read:
            raise _over()
        self._page_fetched(
            integration_id=str(self.integration_id),
            cursor=cursor,
            items=[dict(item) for item in items],
            removed=[],
            seen=seen,
        )

    def remove(self, item_ids: Sequence[UUID]) -> None:
        """Record listings that the shop told on no page; raises Conflict before the last page."""
        self._expect_running()
        if not self.is_read:
            raise _over()
        self._page_fetched(
            integration_id=str(self.integration_id),
            cursor=None,
            items=[],
            removed=[str(item_id) for item_id in item_ids],
            seen=0,
        )

    @event(PageFetched)
    def _page_fetched(
        self,
        integration_id: str,  # noqa: ARG002 - for the view
        cursor: str | None,
        items: list[dict[str, Any]],
        removed: list[str],
        seen: int,
    ) -> None:
        self.cursor = cursor
        self.is_read = cursor is None
        self.pages += 1
        self.seen += seen
        self.changed += len(items)
        self.removed += len(removed)

    def finish(self, *, items: int) -> None:
        """End the sync with so many listings in the shop; raises Conflict when it is over."""
        self._expect_running()
        self._synced(
            integration_id=str(self.integration_id),
            items=items,
            changed=self.changed,
            removed=self.removed,
        )

    @event(Synced)
    def _synced(
        self,
        integration_id: str,  # noqa: ARG002 - for the view
        items: int,
        changed: int,
        removed: int,
    ) -> None:
        self.status = "synced"
        self.items = items
        self.changed = changed
        self.removed = removed

    def fail(self, reason: Refusal) -> None:
        """End the sync for a reason; raises Conflict when it is over."""
        self._expect_running()
        self._sync_failed(error=reason.as_dict())

    @event(SyncFailed)
    def _sync_failed(self, error: dict[str, Any]) -> None:
        self.status = "failed"
        self.error = error

    def resume(self) -> None:
        """Go on with a sync that had failed; says nothing of one that runs."""
        if self.status == "failed":
            self._sync_resumed()

    @event(SyncResumed)
    def _sync_resumed(self) -> None:
        self.status = "running"
        self.error = None

    def _expect_running(self) -> None:
        if self.status != "running":
            raise _over()


def _over() -> Conflict:
    return Conflict(
        "version_conflict", "The sync is not at that point.", fix="Ask for another sync."
    )
