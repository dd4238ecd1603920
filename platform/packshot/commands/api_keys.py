"""API keys: created, listed, renamed, rotated, revoked. A secret is told once, to its maker."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain.access import Person
from domain.api_key import ApiKey, require_future
from domain.errors import Forbidden, NotFound
from domain.ids import KeyId, OrgId, TeamId, UserId
from domain.key_limit import RateLimit
from domain.key_text import KeyText
from domain.recorded import Context
from domain.scopes import Scope
from packshot.commands.past_keys import PastKeys
from packshot.commands.people import People
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.keycache import KeyCache
from packshot.store.keyuse import KeyUses
from packshot.store.secrets import Secrets
from projections.api_keys import (
    ListedKey,
    count_keys,
    find_listed,
    find_responsible,
    key_names,
    list_keys,
)
from projections.memberships import find_role


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be; ``expires_at`` None for a key without an end."""

    name: str
    environment: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None
    team_id: TeamId | None = None
    allowed_cidrs: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None


@dataclass(frozen=True, slots=True)
class ChangedKey:
    """A key after a change; ``secret`` is its new text, known only here and now.

    ``head`` is None when there was nothing to change.
    """

    key: ListedKey
    head: LogHead | None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ListedKeys:
    """Keys of one page, and how many there are in all."""

    keys: Sequence[ListedKey]
    total: int


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The use cases of keys.

    ``granted`` is what the caller may do itself, a key's scopes or what a person's role allows:
    nobody hands out more, neither with a new key nor with a new secret for an old one.
    """

    store: EventStore
    secrets: Secrets
    keys: KeyCache
    uses: KeyUses
    people: People
    clock: Callable[[], datetime]

    async def list(
        self,
        org_id: OrgId,
        *,
        before: UUID | None = None,
        limit: int,
        matching: str = "",
        at: int | None = None,
    ) -> ListedKeys:
        """Keys of the organization, newest first, after that one.

        ``matching`` is a part of their name or prefix; the total counts what matches. As of a
        position of the log (``at``; None: today) they are told whatever they match.
        """
        if at is not None:
            past = PastKeys(self.store, self.people)
            return ListedKeys(*await past.list(org_id, at=at, before=before, limit=limit))
        async with self.store.pools.reading(org_id) as connection:
            listed = await list_keys(
                connection, org_id.uuid, before=before, limit=limit, matching=matching
            )
            total = await count_keys(connection, org_id.uuid, matching=matching)
        return ListedKeys(await self._told(org_id, listed), total)

    async def find(self, org_id: OrgId, key_id: KeyId, *, at: int | None = None) -> ListedKey:
        """A key of the organization, today or as of a position of the log; raises NotFound."""
        if at is not None:
            then = await PastKeys(self.store, self.people).find(org_id, key_id, at=at)
            if then is None:
                raise no_such_key()
            return then
        async with self.store.pools.reading(org_id) as connection:
            key = await find_listed(connection, org_id.uuid, key_id=key_id.uuid)
        if key is None:
            raise no_such_key()
        (told,) = await self._told(org_id, [key])
        return told

    async def create(
        self, context: Context, wanted: NewKey, *, granted: Collection[Scope]
    ) -> ChangedKey:
        """Create a key; raises Forbidden for a scope that is not granted, and InvalidInput."""
        require_granted(wanted.scopes, granted)
        require_future(wanted.expires_at, self.clock())
        text = KeyText.make(wanted.environment)
        responsible = await self.person_behind(context)
        key = ApiKey.issue(
            KeyId.new(),
            name=wanted.name,
            text=text,
            mac=self.secrets.mac(text.text),
            pepper_id=self.secrets.newest_pepper,
            scopes=wanted.scopes,
            expires_at=wanted.expires_at,
            responsible_id=None if responsible is None else responsible.user_id,
            team_id=wanted.team_id,
            allowed_cidrs=wanted.allowed_cidrs,
            rate_limit=wanted.rate_limit,
        )
        head = await self.store.save(context, key)
        return ChangedKey(await self._new(context, key, responsible), head, text.text)

    async def rename(self, context: Context, key_id: KeyId, name: str) -> ChangedKey:
        """Call a key something else; raises NotFound and InvalidInput."""
        before = await self.find(context.org_id, key_id)
        if before.name == name:
            return ChangedKey(before, None)
        return await self.change(context, before, lambda key: key.rename(name))

    async def rotate(
        self, context: Context, key_id: KeyId, *, grace_s: int, granted: Collection[Scope]
    ) -> ChangedKey:
        """Give a key a new secret; those before it work for ``grace_s`` more seconds at most.

        Raises NotFound, Forbidden for a key that may do what is not granted, and Conflict.
        """
        before = await self.find(context.org_id, key_id)
        require_granted([Scope(scope) for scope in before.scopes], granted)
        text = KeyText.make(before.environment)
        mac, pepper_id = self.secrets.mac(text.text), self.secrets.newest_pepper

        def rotate(key: ApiKey) -> None:
            at = self.clock()
            key.rotate(text, mac=mac, pepper_id=pepper_id, grace_s=grace_s, at=at)

        changed = await self.change(context, before, rotate)
        return replace(changed, secret=text.text)

    async def revoke(self, context: Context, key_id: KeyId, *, reason: str | None) -> ChangedKey:
        """End a key, also the one that asks for it; raises NotFound and Conflict."""
        before = await self.find(context.org_id, key_id)
        return await self.change(context, before, lambda key: key.revoke(reason))

    async def person_behind(self, context: Context) -> Person | None:
        """Who answers for what the actor makes; None for the organization itself."""
        actor = context.actor
        match actor.kind:
            case "user":
                return Person(UserId.parse(actor.id), None)  # the role is asked for where it counts
            case "key":
                async with self.store.pools.reading(context.org_id) as connection:
                    return await find_responsible(connection, context.org_id.uuid, actor.id)
        return None

    async def change(
        self, context: Context, before: ListedKey, verb: Callable[[ApiKey], None]
    ) -> ChangedKey:
        """Do the verb to the key, and have this process ask anew about it; raises Conflict."""
        after: list[ApiKey] = []

        def change(key: ApiKey) -> None:
            verb(key)
            after.append(key)

        head = await self.store.change(context, ApiKey, stream_id=before.key_id.uuid, verb=change)
        self.store.when_true(lambda: self.keys.forget(before.key_id))
        # Not read again: in a unit of work the view does not tell it yet.
        return ChangedKey(as_changed(before, after[-1]), head)

    async def _new(self, context: Context, key: ApiKey, responsible: Person | None) -> ListedKey:
        actor = context.actor
        async with self.store.pools.reading(context.org_id) as connection:
            names = await key_names(connection, context.org_id.uuid, {actor.id})
            if responsible is not None:
                role = await find_role(connection, context.org_id.uuid, responsible.user_id)
                responsible = replace(responsible, role=role)
        new = ListedKey(
            key_id=KeyId(key.id),
            kid=key.kid,
            name=key.name,
            environment=key.environment,
            scopes=key.scopes,
            created_at=key.created_on,
            created_by_type=actor.kind,
            created_by_id=actor.id,
            created_by_name=names.get(actor.id),
            responsible=responsible,
            responsible_name=None,
            team_id=key.team_id,
            allowed_cidrs=key.allowed_cidrs,
            rate_limit=key.rate_limit,
            expires_at=key.expires_at,
            former_until=None,
            revoked_at=None,
            revoked_reason=None,
            last_used_at=None,
            last_used_address=None,
            last_used_endpoint=None,
        )
        (told,) = await self._told(context.org_id, [new])
        return told

    async def _told(self, org_id: OrgId, keys: Sequence[ListedKey]) -> Sequence[ListedKey]:
        """The keys with people's names, and with uses that only this process knows."""
        makers = {key.created_by_id for key in keys if key.created_by_type == "user"}
        behind = {str(key.responsible.user_id) for key in keys if key.responsible is not None}
        names = await self.people.names_of(makers | behind)
        return [
            replace(
                self._with_newest_use(org_id, key),
                created_by_name=key.created_by_name or names.get(key.created_by_id),
                responsible_name=_name_of(key.responsible, names),
            )
            for key in keys
        ]

    def _with_newest_use(self, org_id: OrgId, key: ListedKey) -> ListedKey:
        use = self.uses.untold(org_id, key.key_id)
        if use is None or (key.last_used_at is not None and key.last_used_at > use.at):
            return key
        return replace(
            key,
            last_used_at=use.at,
            last_used_address=use.address,
            last_used_endpoint=use.endpoint,
        )


def no_such_key() -> NotFound:
    """The refusal of an id that names no key of the organization."""
    return NotFound("not_found", "There is no such key.", fix="Check the keyId.")


def _name_of(person: Person | None, names: Mapping[str, str]) -> str | None:
    return None if person is None else names.get(str(person.user_id))


def as_changed(before: ListedKey, key: ApiKey) -> ListedKey:
    """The key as it stands after a change, but for what lies beside its own story."""
    return replace(
        before,
        kid=key.kid,
        name=key.name,
        scopes=key.scopes,
        expires_at=key.expires_at,
        allowed_cidrs=key.allowed_cidrs,
        rate_limit=key.rate_limit,
        former_until=key.former_until,
        revoked_at=key.revoked_at,
        revoked_reason=key.revoked_reason,
    )


def require_granted(scopes: Collection[Scope], granted: Collection[Scope]) -> None:
    """Raise Forbidden, naming them, for scopes that are not granted."""
    missing = sorted(str(scope) for scope in set(scopes) - set(granted))
    if missing:
        raise Forbidden(
            "scope_missing",
            f"What may not be done cannot be handed on: {', '.join(missing)}.",
            param="scopes",
            fix="Leave these scopes out, or ask somebody who holds them.",
            allowed={"scopes": missing},
            headers={"x-accepted-scopes": " ".join(missing)},
        )
