"""Changing a key: its name, scopes, end, networks and limit, all that was asked for or nothing."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.access import access
from domain.api_key import ApiKey
from domain.errors import Forbidden
from domain.ids import KeyId
from domain.key_limit import RateLimit
from domain.recorded import Context
from domain.scopes import Scope
from packshot.commands.api_keys import ApiKeys, ChangedKey, as_changed, require_granted
from projections.api_keys import ListedKey


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a key is to be from now on; ``said`` names the members that say something.

    ``expires_at`` None is no end, ``allowed_cidrs`` () everywhere, ``rate_limit`` None no limit.
    """

    said: frozenset[str]
    name: str = ""
    scopes: tuple[Scope, ...] = ()
    expires_at: datetime | None = None
    allowed_cidrs: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None


@dataclass(frozen=True, slots=True)
class KeyEdits:
    """The use case of changing."""

    api_keys: ApiKeys

    async def edit(
        self, context: Context, key_id: KeyId, wish: KeyWish, *, granted: Collection[Scope]
    ) -> ChangedKey:
        """Change a key; its head is None when it is so already.

        Raises NotFound, InvalidInput, Conflict for one that has ended, and Forbidden: whoever
        changes more than the name holds all that the key may, and hands on nothing that they may
        not do themselves or that who answers for the key may not.
        """
        store = self.api_keys.store
        async with store.alone(context.org_id):
            before = await self.api_keys.find(context.org_id, key_id)
            if wish.said - {"name"}:
                require_granted([Scope(scope) for scope in before.scopes], granted)
            if "scopes" in wish.said:
                require_granted(wish.scopes, granted)
                _require_allowed(wish.scopes, before)
            key = await store.load(ApiKey, org_id=context.org_id, stream_id=key_id.uuid)
            head = None
            for change in _changes(key, wish, at=self.api_keys.clock()):
                change()
                if key.pending_events:  # one event an append, as the view of keys expects it
                    head = await store.save(context, key)
            if head is not None:
                store.when_true(lambda: self.api_keys.keys.forget(key_id))
        return ChangedKey(as_changed(before, key), head)


def _changes(key: ApiKey, wish: KeyWish, *, at: datetime) -> Iterator[Callable[[], None]]:
    said = wish.said
    if "name" in said and wish.name != key.name:
        yield lambda: key.rename(wish.name)
    if "scopes" in said:
        yield lambda: key.rescope(wish.scopes, at=at)
    if "expires_at" in said:
        yield lambda: key.reschedule(wish.expires_at, at=at)
    if "allowed_cidrs" in said:
        yield lambda: key.confine(wish.allowed_cidrs, at=at)
    if "rate_limit" in said:
        yield lambda: key.limit(wish.rate_limit, at=at)


def _require_allowed(scopes: Collection[Scope], key: ListedKey) -> None:
    """Raise Forbidden for scopes that the key could not use: the role or team allows less."""
    allowed = access(scopes, key.responsible, team_id=key.team_id).scopes
    missing = sorted(str(scope) for scope in set(scopes) - allowed)
    if missing:
        raise Forbidden(
            "scope_missing",
            f"Who answers for this key may not do this themselves: {', '.join(missing)}.",
            param="scopes",
            fix="Leave these scopes out, or create a key of somebody whose role allows them.",
            allowed={"scopes": missing},
            headers={"x-accepted-scopes": " ".join(missing)},
        )
