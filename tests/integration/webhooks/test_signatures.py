"""Signatures: the package that receivers use verifies them, before, during and after a rotation."""

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from domain.ids import OrgId
from given import SECRETS, context, founded
from integration.webhooks.conftest import Clock, ended_job
from integration.webhooks.receiver import Receiver, Told
from packshot.commands.deliveries import Deliveries
from packshot.commands.webhook_secrets import WebhookSecrets
from packshot.store.events import EventStore


async def told_now(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver
) -> Told:
    """What a receiver is told of a job that ends now."""
    await ended_job(store, org_id, receiver.url)
    await sender.send_due()
    return receiver.told[-1]


def is_verified(told: Told, secret: str, *, body: bytes | None = None) -> bool:
    """Whether the oracle believes it."""
    try:
        Webhook(secret).verify(told.body if body is None else body, told.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_a_receiver_can_verify_what_it_is_told(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver
) -> None:
    secret = (await sender.secrets.show(org_id)).secret.text
    told = await told_now(store, org_id, sender, receiver)

    assert is_verified(told, secret)
    assert told.message_id.startswith("evt_")
    assert not is_verified(told, secret, body=told.body.replace(b"succeeded", b"cancelled"))
    assert not is_verified(told, (await sender.secrets.show(await founded(store, "B"))).secret.text)


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp"])
async def test_no_header_can_be_exchanged(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, header: str
) -> None:
    secret = (await sender.secrets.show(org_id)).secret.text
    told = await told_now(store, org_id, sender, receiver)
    told.headers[header] = told.headers[header][:-1] + (
        "1" if told.headers[header][-1] != "1" else "2"
    )

    assert not is_verified(told, secret)


async def test_for_a_day_after_a_rotation_both_secrets_verify(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    before = (await sender.secrets.show(org_id)).secret.text
    shown, head = await sender.secrets.rotate(context(org_id))
    after = shown.secret.text
    assert head.position == 2
    assert (shown.version, before != after) == (2, True)

    told = await told_now(store, org_id, sender, receiver)
    assert is_verified(told, before)
    assert is_verified(told, after)
    assert len(told.headers["webhook-signature"].split(" ")) == 2

    clock.move(hours=24, seconds=1)
    told = await told_now(store, org_id, sender, receiver)
    assert len(told.headers["webhook-signature"].split(" ")) == 1
    assert (await sender.secrets.show(org_id)).previous_valid_until is None


async def test_a_retry_after_a_rotation_is_signed_with_the_new_secret_too(
    store: EventStore, org_id: OrgId, sender: Deliveries, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers = [None, *receiver.answers]
    await ended_job(store, org_id, receiver.url)
    await sender.send_due()
    shown, _ = await sender.secrets.rotate(context(org_id))
    clock.move(seconds=5)

    await sender.send_due()

    assert not is_verified(receiver.told[0], shown.secret.text)
    assert is_verified(receiver.told[1], shown.secret.text)


async def test_a_secret_is_the_organizations_own_and_in_no_event(
    store: EventStore, org_id: OrgId, sender: Deliveries
) -> None:
    other = await founded(store, "Other")
    await sender.secrets.rotate(context(org_id))

    shown = await sender.secrets.show(org_id)
    theirs = await sender.secrets.show(other)
    elsewhere = WebhookSecrets(store, sender.clock, SECRETS.log_signing_seed)

    assert shown.secret.text != theirs.secret.text
    assert shown.secret.text != (await elsewhere.show(org_id)).secret.text
    assert shown.secret.text not in repr(shown)
    recorded = await store.read(org_id)
    assert recorded[-1].type == "organization.webhook-secret-rotated.v1"
    assert recorded[-1].data == {"version": 2}
