"""What happened to a publish, one sentence for each event, with the names of who did it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.ids import OrgId, PublishId
from packshot.commands.names import Names
from packshot.store.events import EventStore
from projections.publishes import find_history


@dataclass(frozen=True, slots=True)
class PublishStep:
    """Something that happened to a publish: when, what, and by whom."""

    at: datetime
    type: str
    sentence: str
    actor: str


@dataclass(frozen=True, slots=True)
class PublishTimelines:
    """The query of a publish's events."""

    store: EventStore
    names: Names

    async def steps(self, org_id: OrgId, publish_id: PublishId) -> Sequence[PublishStep]:
        """Everything that happened to it, in its order; nothing for one that there is not."""
        async with self.store.pools.reading(org_id) as database:
            told = await find_history(database, tenant_id=org_id.uuid, publish_id=publish_id.uuid)
        names = await self.names.of(org_id, [(one.actor.kind, one.actor.id) for one in told])
        return [
            PublishStep(one.at, one.type, one.sentence, names[one.actor.kind, one.actor.id])
            for one in told
        ]
