"""The secret of webhooks: derived, the organization's own, and signing as the standard says."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as some
from standardwebhooks.webhooks import Webhook

from domain.ids import OrgId
from domain.webhook_secret import WebhookSecret, signed_headers

KEY = bytes(range(32))
ORG = OrgId.parse("org_01k8z5w3x0e2ks9m7q4v6y8b0c")
AT = datetime(2026, 11, 22, 12, 0, 0, 999_999, tzinfo=UTC)


def test_a_secret_follows_from_key_organization_and_version_and_from_nothing_else() -> None:
    secret = WebhookSecret.derive(KEY, ORG, version=1)
    others = [
        WebhookSecret.derive(KEY, ORG, version=2),
        WebhookSecret.derive(KEY, OrgId.new(), version=1),
        WebhookSecret.derive(bytes(32), ORG, version=1),
    ]

    assert secret == WebhookSecret.derive(KEY, ORG, version=1)
    assert len({secret.key, *(other.key for other in others)}) == 4
    assert secret.text not in repr(secret)


def test_a_secret_stays_what_receivers_know() -> None:
    """Derived by hand: a release that derives another one would break every receiver."""
    about = b"packshot webhook secret v1\n" + ORG.uuid.bytes + (7).to_bytes(8, "big")
    derived = hmac.new(KEY, about, hashlib.sha256).digest()

    assert WebhookSecret.derive(KEY, ORG, version=7).text == (
        "whsec_" + base64.b64encode(derived).decode()
    )


def test_the_vector_of_the_standard_is_signed_as_it_says() -> None:
    """The example of the specification's reference libraries."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)

    signature = WebhookSecret(key).sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=b'{"test": 2432232314}'
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@settings(max_examples=200)
@given(key=some.binary(min_size=24, max_size=64), body=some.text(max_size=200))
def test_every_signature_is_the_oracles(key: bytes, body: str) -> None:
    secret = WebhookSecret(key)
    at = datetime.fromtimestamp(int(AT.timestamp()), UTC)

    told = signed_headers([secret], "evt_1", at=AT, body=body.encode())

    assert told["webhook-signature"] == Webhook(secret.text).sign("evt_1", at, body)
    assert told["webhook-timestamp"] == str(int(AT.timestamp()))
