"""API keys as they stood at a point of the log: folded from it, with people's names of today."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.access import Person
from domain.api_key import ApiKey
from domain.ids import KeyId, OrgId, UserId
from packshot.commands.people import People
from packshot.store.events import EventStore
from projections.api_keys import ListedKey
from projections.past_keys import (
    BegunKey,
    count_begun_keys,
    find_begun_key,
    key_names_at,
    list_begun_keys,
    responsible_behind,
)
from projections.past_members import list_members_at


@dataclass(frozen=True, slots=True)
class PastKeys:
    """The queries of keys as of a position; when a key was used is not in the log, so not told."""

    store: EventStore
    people: People

    async def list(
        self, org_id: OrgId, *, at: int, before: UUID | None, limit: int
    ) -> tuple[Sequence[ListedKey], int]:
        """The keys there were, newest first, after that one; and how many there were in all."""
        async with self.store.pools.reading(org_id) as connection:
            begun = await list_begun_keys(
                connection, org_id.uuid, at=at, before=before, limit=limit
            )
            total = await count_begun_keys(connection, org_id.uuid, at=at)
        return await self._told(org_id, begun, at=at), total

    async def find(self, org_id: OrgId, key_id: KeyId, *, at: int) -> ListedKey | None:
        """The key as it stood; None where there was none yet."""
        async with self.store.pools.reading(org_id) as connection:
            begun = await find_begun_key(connection, org_id.uuid, key_id=key_id.uuid, at=at)
        return None if begun is None else (await self._told(org_id, [begun], at=at))[0]

    async def _told(
        self, org_id: OrgId, begun: Sequence[BegunKey], *, at: int
    ) -> Sequence[ListedKey]:
        ids = [one.key_id.uuid for one in begun]
        keys = await self.store.load_many(ApiKey, org_id=org_id, stream_ids=ids, at=at)
        pairs = list(zip(begun, keys, strict=True))
        async with self.store.pools.reading(org_id) as connection:
            behind: dict[UUID, UserId | None] = {
                key.id: key.responsible_id
                if one.tells_responsible or key.responsible_id is not None
                else await responsible_behind(connection, org_id.uuid, key_id=key.id, at=at)
                for one, key in pairs
            }
            answering = {user_id for user_id in behind.values() if user_id is not None}
            members = await list_members_at(connection, org_id.uuid, at=at, among=answering)
            makers = {one.by.id for one in begun}
            names = await key_names_at(connection, org_id.uuid, makers, at=at)
        people = await self.people.names_of(makers | {str(user_id) for user_id in answering})
        roles = {member.user_id: member.role for member in members}
        return [
            _listed(
                one,
                key,
                responsible=None if (user_id := behind[key.id]) is None
                else Person(user_id, roles.get(user_id)),
                names=people | names,
            )
            for one, key in pairs
        ]  # fmt: skip


def _listed(
    begun: BegunKey, key: ApiKey, *, responsible: Person | None, names: dict[str, str]
) -> ListedKey:
    return ListedKey(
        key_id=begun.key_id,
        kid=key.kid,
        name=key.name,
        environment=key.environment,
        scopes=key.scopes,
        created_at=begun.at,
        created_by_type=begun.by.kind,
        created_by_id=begun.by.id,
        created_by_name=names.get(begun.by.id),
        responsible=responsible,
        responsible_name=None if responsible is None else names.get(str(responsible.user_id)),
        team_id=key.team_id,
        allowed_cidrs=key.allowed_cidrs,
        rate_limit=key.rate_limit,
        expires_at=key.expires_at,
        former_until=key.former_until,
        revoked_at=key.revoked_at,
        revoked_reason=key.revoked_reason,
        last_used_at=None,
        last_used_address=None,
        last_used_endpoint=None,
    )
