from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InvalidInput
from domain.ids import OrgId
from domain.organization import Organization
from given import given


@pytest.mark.parametrize(
    "name", ["Acme", "株式会社", "Ünïcode & Söhne", "عربي", "👟 Shoes", "  Acme  "]
)
def test_an_organization_is_created_under_its_name(name: str) -> None:
    organization = Organization.create(OrgId.new(), name=name)

    assert given(organization).aggregate.name == name.strip()


@pytest.mark.parametrize("name", ["", "   ", "a" * 201, "two\nlines", "null\x00"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Organization.create(OrgId.new(), name=name)

    assert refused.value.param == "name"


def test_a_rotation_is_the_next_version() -> None:
    organization = Organization.create(OrgId.new(), name="Acme")
    rotated = Organization.WebhookSecretRotated

    story = given(organization).when(Organization.rotate_webhook_secret)
    story.then((rotated, {"version": 2}))
    story.when(Organization.rotate_webhook_secret).then((rotated, {"version": 3}))


def test_a_replaced_secret_signs_for_a_day_longer() -> None:
    organization = Organization.create(OrgId.new(), name="Acme")
    before = datetime.now(UTC)
    assert organization.webhook_secret_versions(before) == (1,)
    assert organization.webhook_secret_rotated_at is None

    organization.rotate_webhook_secret()
    at = organization.webhook_secret_rotated_at
    assert at is not None
    assert at >= before

    assert organization.webhook_secret_versions(at) == (2, 1)
    assert organization.webhook_secret_versions(at + timedelta(hours=23, minutes=59)) == (2, 1)
    assert organization.webhook_secret_versions(at + timedelta(hours=24)) == (2,)


def test_whoever_rotates_all_the_time_is_signed_for_five_times_at_most() -> None:
    organization = Organization.create(OrgId.new(), name="Acme")
    for _ in range(20):
        organization.rotate_webhook_secret()

    assert organization.webhook_secret_versions(datetime.now(UTC)) == (21, 20, 19, 18, 17)
