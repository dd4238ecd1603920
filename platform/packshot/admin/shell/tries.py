"""How often somebody may try to prove who they are: for an account, and from an address."""

from collections.abc import Sequence
from hashlib import sha256
from math import ceil
from typing import Any

from domain.errors import Refusal
from packshot.admin.shell.declaring import Visit
from packshot.edge.limits import Charge, Policy, address_charge

# TRUST: five tries a minute for an account; an office behind one address has more people.
ACCOUNT = Policy("sign-in-account", burst=5, per_second=5 / 60)
ADDRESS = Policy("sign-in-address", burst=20, per_second=20 / 60)


def from_address(visit: Visit[Any]) -> Charge:
    """A try from the visit's address."""
    return address_charge(visit.exchange.address, policy=ADDRESS)


def of_account(email: str, *, policy: Policy = ACCOUNT) -> Charge:
    """A try on the account of that address, whether or not there is one."""
    return Charge(policy, hashed(email.strip().lower()), 1.0)


def hashed(text: str) -> str:
    """What names a bucket of the limiter: neither an address nor a link stands in it."""
    return sha256(text.encode()).hexdigest()


async def charge_tries(
    visit: Visit[Any], charges: Sequence[Charge], *, link: Policy | None = None
) -> None:
    """Count a try; raises Refusal (rate_limited) in words for people.

    How far an account or a link was tried tells of others, so no header does. ``link`` is the
    policy of a bucket that stands for a link, where one is among the charges.
    """
    for charge in charges:
        count = visit.gate.charge if charge.policy is ADDRESS else visit.gate.charge_untold
        try:
            await count(visit.exchange, charge)
        except Refusal as refusal:
            wait = _in_words(int(refusal.headers["Retry-After"]))
            is_link = charge.policy is link
            raise Refusal(
                refusal.code,
                "This link was tried too often." if is_link else "Too many tries.",
                fix=f"Wait {wait}, or ask for a new one." if is_link else f"Wait {wait}.",
                headers=refusal.headers,
            ) from None


def _in_words(wait_s: int) -> str:
    for unit_s, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if wait_s > unit_s:
            return f"{ceil(wait_s / unit_s)} {unit}s"
    return f"{wait_s} second{'s' if wait_s > 1 else ''}"
