"""Admission: the key, the limit, the scope and a free place, in this order, before any body."""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING

from domain.errors import Refusal
from domain.ids import OrgId
from domain.org_limits import OrgLimits
from domain.scopes import Scope
from packshot.edge.contract import Access, Endpoint
from packshot.edge.credentials import find_key, key_missing, require_address, require_scope
from packshot.edge.exchange import Exchange
from packshot.edge.limiter import Limiter
from packshot.edge.limits import (
    READ_COST,
    REFUSED_KEY,
    Charge,
    address_charge,
    key_charges,
    organization_charge,
    rate_limited,
)
from packshot.edge.places import Places

if TYPE_CHECKING:
    from packshot.commands.sessions import Visitor
    from packshot.store.keycache import KeyCache, KeyRecord
    from packshot.store.keyuse import KeyUses

# Whose work is at least this heavy holds a place while it is done.
HEAVY_COST = 1.0


class Gate:
    """Lets a request in, or refuses it."""

    def __init__(
        self, keys: "KeyCache", uses: "KeyUses", limiter: Limiter, *, places: Places
    ) -> None:
        self._keys = keys
        self._uses = uses
        self._limiter = limiter
        self._places = places

    async def admit(self, endpoint: Endpoint, exchange: Exchange, *, query: bytes) -> None:
        """Set the exchange's key and decision; raises the Refusal that fits."""
        if endpoint.scope is Access.BY_ADDRESS:
            await self._charge(exchange, address_charge(exchange.address))
            return
        if endpoint.is_public:
            return  # health, documents and pages are outside the limits
        key = await self._authenticate(exchange, query)
        if key is None:
            await self._charge(exchange, address_charge(exchange.address))
            raise key_missing()
        used = f"{endpoint.method} {endpoint.path}"
        self._uses.note(key.org_id, key.key_id, address=exchange.address, endpoint=used)
        await self._charge(exchange, *key_charges(key, endpoint.cost))
        if not isinstance(endpoint.scope, Access):
            require_scope(key, Scope(endpoint.scope))

    async def charge_stray(self, exchange: Exchange, *, query: bytes) -> None:
        """Count a request that reached no endpoint (an unknown address, a wrong method)."""
        key = await self._authenticate(exchange, query)
        if key is None:
            await self._charge(exchange, address_charge(exchange.address))
        else:
            await self._charge(exchange, *key_charges(key, READ_COST))

    async def charge_visitor(self, exchange: Exchange, visitor: "Visitor", cost: float) -> None:
        """Count what a person asks of a page, on the limit of the organization."""
        limits = visitor.standing.limits
        await self._charge(exchange, organization_charge(visitor.org_id, limits, cost))

    async def charge(self, exchange: Exchange, charge: Charge) -> None:
        """Count a request on a bucket of its own; raises Refusal (rate_limited)."""
        await self._charge(exchange, charge)

    async def charge_untold(self, exchange: Exchange, charge: Charge) -> None:
        """Count a request on a bucket whose level is not the caller's to know; raises Refusal.

        The answer's headers tell of it only when it refuses, which says as much by itself.
        """
        told = exchange.decision
        await self._charge(exchange, charge)
        exchange.decision = told

    def place(self, endpoint: Endpoint, exchange: Exchange) -> AbstractAsyncContextManager[None]:
        """Hold one of the places of the key's organization while heavy work is done for it."""
        key = exchange.key
        return self._place(None if key is None else (key.org_id, key.limits), endpoint.cost)

    def place_of(self, visitor: "Visitor | None", cost: float) -> AbstractAsyncContextManager[None]:
        """The same for what a person asks of a page."""
        known = None if visitor is None else (visitor.org_id, visitor.standing.limits)
        return self._place(known, cost)

    def _place(
        self, organization: tuple[OrgId, OrgLimits] | None, cost: float
    ) -> AbstractAsyncContextManager[None]:
        """Entering it raises Refusal (concurrency_limited) when all places are taken."""
        if cost < HEAVY_COST or organization is None:
            return nullcontext()
        org_id, limits = organization
        return self._places.held(org_id, limits.at_once)

    async def _authenticate(self, exchange: Exchange, query: bytes) -> "KeyRecord | None":
        try:
            text = find_key(exchange.credentials, query)
            if text is None:
                return None
            key = exchange.key = await self._keys.check(text)
            if key.networks:
                require_address(key, exchange.address)
        except Refusal as refusal:
            if not refusal.retryable:
                await self._charge(exchange, address_charge(exchange.address, policy=REFUSED_KEY))
            raise
        return exchange.key

    async def _charge(self, exchange: Exchange, *charges: Charge) -> None:
        exchange.decision = decision = await self._limiter.take(charges)
        if not decision.allowed:
            raise rate_limited(decision)
