from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Conflict, InvalidInput
from domain.ids import OrgId
from domain.org_limits import OrgLimits
from domain.organization import CLOSING_GRACE, Organization
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


def acme() -> Organization:
    return Organization.create(OrgId.new(), name="Acme")


def test_an_organization_is_renamed_once_for_each_new_name() -> None:
    story = given(acme()).when(lambda one: one.rename(" Acme 株式会社 "))
    story.then((Organization.Renamed, {"name": "Acme 株式会社", "former_name": "Acme"}))

    story.when(lambda one: one.rename("Acme 株式会社")).then()
    with pytest.raises(InvalidInput):
        story.when(lambda one: one.rename("\n"))


def test_a_suspension_has_a_reason_and_ends_with_it() -> None:
    story = given(acme()).when(lambda one: one.suspend("Unpaid since May"))
    story.then((Organization.Suspended, {"reason": "Unpaid since May"}))
    assert story.aggregate.status == "suspended"
    with pytest.raises(Conflict):
        story.when(lambda one: one.suspend("Again"))

    story.when(Organization.resume).then((Organization.Resumed, {}))
    assert (story.aggregate.status, story.aggregate.suspended_for) == ("active", None)
    with pytest.raises(Conflict):
        story.when(Organization.resume)


@pytest.mark.parametrize("reason", ["", " ", "a" * 501, "line\nline"])
def test_a_reason_that_cannot_be_shown_is_refused(reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        acme().suspend(reason)

    assert refused.value.param == "reason"


def test_limits_are_recorded_whole_and_only_when_they_change() -> None:
    limits = OrgLimits(at_once=8, monthly_pictures=0)
    told = {"burst": 1000, "per_minute": 6000, "at_once": 8, "monthly_pictures": 0}

    story = given(acme()).when(lambda one: one.limit(limits))
    story.then((Organization.Limited, {"limits": told}))
    story.when(lambda one: one.limit(limits)).then()

    assert story.aggregate.limits == limits
    assert OrgLimits.of(told | {"of_a_later_release": 1}) == limits
    assert OrgLimits.of(None) == OrgLimits()


@pytest.mark.parametrize(
    "numbers",
    [{"burst": 0}, {"per_minute": -1}, {"at_once": 1001}, {"monthly_pictures": -1}],
)
def test_a_limit_out_of_its_range_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(InvalidInput) as refused:
        OrgLimits(**numbers)

    assert refused.value.param in numbers


def test_a_closed_organization_is_opened_again_within_its_grace_only() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    final_at = (at + CLOSING_GRACE).isoformat()
    story = given(acme()).when(lambda one: one.suspend("Unpaid")).when(lambda one: one.close(at=at))
    story.then((Organization.Suspended, {}), (Organization.Closed, {"final_at": final_at}))
    assert story.aggregate.status == "closed"
    for verb in (
        lambda one: one.rename("Other"),
        lambda one: one.suspend("Again"),
        Organization.resume,
        lambda one: one.limit(OrgLimits(burst=1)),
        lambda one: one.close(at=at),
        lambda one: one.reopen(at=at + CLOSING_GRACE),
    ):
        with pytest.raises(Conflict, match="already_terminal"):
            story.when(verb)

    story.when(lambda one: one.reopen(at=at + CLOSING_GRACE - timedelta(seconds=1)))
    story.then((Organization.Reopened, {}))
    assert story.aggregate.status == "suspended"
    with pytest.raises(Conflict):
        story.when(lambda one: one.reopen(at=at))
