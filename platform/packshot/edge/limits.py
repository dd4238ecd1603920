"""How often a caller may ask: the policies, what they cost, and the headers that tell of it.

The numbers are those of the HTTP API's "Limits": an organization may burst 1,000 and goes on at
6,000 a minute, weighted, unless it was given numbers of its own; an address without a key gets 30 a
minute. A key may have a limit of its own, which counts each request as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import time
from typing import TYPE_CHECKING

from domain.errors import Refusal
from domain.ids import OrgId
from domain.key_limit import OF_TEST_KEYS, RateLimit
from domain.org_limits import OrgLimits

if TYPE_CHECKING:
    from packshot.store.keycache import KeyRecord


@dataclass(frozen=True, slots=True)
class Policy:
    """A rate: ``burst`` at once, then ``per_second``; ``name`` is what the headers call it."""

    name: str
    burst: int
    per_second: float

    @property
    def window_s(self) -> int:
        """Seconds in which a whole burst is earned again."""
        return ceil(self.burst / self.per_second)


@dataclass(frozen=True, slots=True)
class Charge:
    """What one request costs one bucket."""

    policy: Policy
    owner: str
    cost: float

    @property
    def bucket(self) -> str:
        """The bucket's name in Valkey."""
        return f"limit:{self.policy.name}:{self.owner}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the limiter said of one request, told by the tightest bucket it applied.

    ``remaining`` counts requests of weight 1; ``reset_s`` is when the bucket is whole again and
    ``retry_after_s`` when this same request would pass (0: it passed). ``also`` are the other
    buckets that it applied to, tightest first.
    """

    policy: Policy
    allowed: bool
    remaining: int
    reset_s: float
    retry_after_s: float
    also: "tuple[Decision, ...]" = ()


ORGANIZATION = Policy("organization", burst=1000, per_second=100.0)
ADDRESS = Policy("address", burst=30, per_second=0.5)
# A refused key is counted apart and more generously: it costs no database, it says at once what
# is wrong with it, and a wrong deployment must not lock out the pages of the same address.
REFUSED_KEY = Policy("address-refused-keys", burst=600, per_second=10.0)

READ_COST = 0.1
UNTOUCHED = Decision(ADDRESS, allowed=True, remaining=ADDRESS.burst, reset_s=0.0, retry_after_s=0.0)


def organization_charge(org_id: OrgId, limits: OrgLimits, cost: float) -> Charge:
    """A request for an organization: its weighted bucket."""
    return Charge(_organization_policy(limits), str(org_id), cost)


@lru_cache(maxsize=10_000)
def _organization_policy(limits: OrgLimits) -> Policy:
    if limits == OrgLimits():
        return ORGANIZATION  # the headers of this very policy are made once
    return Policy(ORGANIZATION.name, limits.burst, limits.per_minute / 60)


def key_charges(key: "KeyRecord", cost: float) -> tuple[Charge, ...]:
    """A request with a key: what it costs the organization, and the key where it has a limit."""
    charges: tuple[Charge, ...] = (organization_charge(key.org_id, key.limits, cost),)
    if key.rate_limit is not None:
        charges += (Charge(_policy("key", key.rate_limit), str(key.key_id), 1.0),)
    if key.is_test:
        charges += (Charge(_policy("test-key", OF_TEST_KEYS), str(key.key_id), 1.0),)
    return charges


@lru_cache(maxsize=10_000)
def _policy(name: str, rate_limit: RateLimit) -> Policy:
    """Each request is counted as one, whatever it asks for."""
    return Policy(name, rate_limit.limit, rate_limit.limit / rate_limit.window_s)


def address_charge(address: str, *, policy: Policy = ADDRESS) -> Charge:
    """A request without a valid key: the bucket of its address, an IPv6 network counted as one.

    One household or server holds a whole /64 (RFC 6177), so counting single IPv6 addresses would
    count nothing.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return Charge(policy, address, 1.0)
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return Charge(policy, str(mapped or parsed.exploded[:19]), 1.0)
    return Charge(policy, address, 1.0)


def tightest(decisions: Sequence[Decision]) -> Decision:
    """The decision that tells most: the refusal with the longest wait, else the fullest bucket.

    The others stand in its ``also``.
    """
    if len(decisions) == 1:
        return decisions[0]
    first, *others = sorted(decisions, key=_slack)
    return replace(first, also=tuple(others))


def _slack(decision: Decision) -> tuple[bool, float]:
    share_left = decision.remaining / decision.policy.burst
    return decision.allowed, share_left if decision.allowed else -decision.retry_after_s


def rate_limited(decision: Decision) -> Refusal:
    """The refusal of a request that came too early."""
    wait_s = ceil(decision.retry_after_s)
    return Refusal(
        "rate_limited",
        f"The limit {decision.policy.name} ({decision.policy.burst} at once, "
        f"{decision.policy.per_second * 60:g} a minute) is used up.",
        fix=f"Wait {wait_s} s; every answer says in x-ratelimit-remaining how much is left.",
        headers={"Retry-After": str(wait_s)},
    )


def limit_headers(decision: Decision) -> list[tuple[bytes, bytes]]:
    """The limit headers of an answer, in both families.

    ``x-ratelimit-reset`` is Unix time. ``RateLimit`` and ``RateLimit-Policy`` follow
    draft-ietf-httpapi-ratelimit-headers-10: lists of all policies that applied, here with the
    tightest first; ``t`` is Retry-After where the policy refused the request.
    """
    limit = _limit_of(decision.policy)
    told, policies = _told(decision, limit), limit.policy
    for other in decision.also:
        limit_of_other = _limit_of(other.policy)
        told += b", " + _told(other, limit_of_other)
        policies += b", " + limit_of_other.policy
    return [
        (b"x-ratelimit-limit", limit.limit),
        (b"x-ratelimit-remaining", b"%d" % decision.remaining),
        (b"x-ratelimit-reset", b"%d" % (ceil(time()) + ceil(decision.reset_s))),
        (b"x-ratelimit-retry-after", b"%d" % ceil(decision.retry_after_s)),
        (b"ratelimit", told),
        (b"ratelimit-policy", policies),
    ]


def _told(decision: Decision, limit: "_LimitBytes") -> bytes:
    wait_s = ceil(decision.retry_after_s) or ceil(decision.reset_s)
    return b"%s;r=%d;t=%d" % (limit.quoted_name, decision.remaining, wait_s)


@dataclass(frozen=True, slots=True)
class _LimitBytes:
    """The parts of the headers that only depend on the policy."""

    limit: bytes
    quoted_name: bytes
    policy: bytes


@lru_cache(maxsize=10_000)
def _limit_of(policy: Policy) -> _LimitBytes:
    name = f'"{policy.name}"'
    return _LimitBytes(
        limit=str(policy.burst).encode(),
        quoted_name=name.encode(),
        policy=f"{name};q={policy.burst};w={policy.window_s}".encode(),
    )
