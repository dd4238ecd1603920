"""Verifies webhooks that came with the package that receivers use."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import requests
from standardwebhooks import Webhook

from chaos.client import Shop
from chaos.receiver import Told


def wrong_signatures(base_url: str, shops: Sequence[Shop], told: Sequence[Told]) -> Iterator[str]:
    """Webhooks that are signed wrongly, and those whose bytes changed from one try to the next.

    The package's own ``verify`` would refuse what came more than five minutes ago.
    """
    signers = {f"/hooks/{org}": _signer(base_url, shop) for org, shop in enumerate(shops)}
    bodies: dict[str, str] = {}
    for each in told:
        at = datetime.fromtimestamp(int(each.headers["webhook-timestamp"]), UTC)
        expected = signers[each.path].sign(each.message_id, at, each.body.decode())
        if expected not in each.headers["webhook-signature"].split():
            yield f"{each.message_id}: its signature is not that of its bytes"
        digest = sha256(each.body).hexdigest()
        if bodies.setdefault(each.message_id, digest) != digest:
            yield f"{each.message_id}: told with other bytes than before"


def _signer(base_url: str, shop: Shop) -> Webhook:
    answer = requests.get(
        f"{base_url}/api/v1/org/webhook-secret", headers={"x-api-key": shop.key}, timeout=10
    )
    answer.raise_for_status()
    return Webhook(answer.json()["secret"])
