from datetime import UTC, datetime, timedelta

import pytest

from domain.api_key import ApiKey
from domain.errors import Conflict, InvalidInput
from domain.ids import KeyId, UserId
from domain.key_end import status_of
from domain.key_text import KeyText
from domain.scopes import EVERY_SCOPE, SCOPE_SETS, Scope
from given import given

TEXT = KeyText.make("live")
NEXT = KeyText.make("live")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def issue(
    name: str = "Shop",
    scopes: tuple[Scope, ...] = EVERY_SCOPE,
    expires_at: datetime | None = None,
) -> ApiKey:
    return ApiKey.issue(
        KeyId.new(),
        name=name,
        text=TEXT,
        mac=b"\x01",
        pepper_id=1,
        scopes=scopes,
        expires_at=expires_at,
    )


def revoked() -> ApiKey:
    key = issue()
    key.revoke("leaked")
    return key


def rotate(key: ApiKey, *, at: datetime = NOON, grace_s: int = 3600) -> None:
    key.rotate(NEXT, mac=b"\x02", pepper_id=2, grace_s=grace_s, at=at)


def test_an_issued_key_holds_the_mac_and_not_the_secret() -> None:
    key = issue()

    (issued,) = key.collect_events()

    assert TEXT.text not in str(issued.__dict__)
    assert issued.__dict__["mac"] == "01"


def test_scopes_are_recorded_once_each() -> None:
    key = issue(scopes=(Scope.FILES_READ, Scope.FILES_READ, Scope.AUDIT_READ))

    assert given(key).aggregate.scopes == ["audit:read", "files:read"]


def test_a_key_that_was_issued_before_keys_could_end_has_no_end() -> None:
    (issued,) = issue(expires_at=NOON).collect_events()
    del issued.__dict__["expires_at"]

    assert issued.mutate(None).expires_at is None


@pytest.mark.parametrize(
    "name",
    ["", "   ", "a" * 101, "tab\t", "a\u2028b", "abc\u202egpj.exe", "\u2066x", "half \ud83d"],
)
def test_a_key_needs_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(InvalidInput):
        issue(name=name)


@pytest.mark.parametrize(
    "name", ["<b>&amp;", "مفتاح المتجر", "نمی\u200cخواهم", "👩‍👩‍👧 shop", "店"]
)
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert given(issue(name=name)).aggregate.name == name


def test_a_key_needs_a_scope() -> None:
    with pytest.raises(InvalidInput):
        issue(scopes=())


def test_a_renamed_key_says_what_it_was_called() -> None:
    given(issue()).when(lambda key: key.rename("Shop 2")).then(
        (ApiKey.Renamed, {"name": "Shop 2", "former_name": "Shop"})
    )


def test_a_key_cannot_be_renamed_to_what_cannot_be_shown() -> None:
    with pytest.raises(InvalidInput):
        given(issue()).when(lambda key: key.rename("\n"))


def test_a_rotated_key_has_a_new_secret_and_a_time_for_the_former_one() -> None:
    given(issue()).when(rotate).then(
        (
            ApiKey.Rotated,
            {
                "name": "Shop",
                "kid": NEXT.kid,
                "mac": "02",
                "pepper_id": 2,
                "former_until": "2026-11-22T13:00:00+00:00",
            },
        )
    )


def test_a_rotated_key_can_be_rotated_again() -> None:
    key = issue()
    rotate(key)

    story = given(key).when(lambda key: rotate(key, grace_s=0))

    story.then((ApiKey.Rotated, {"former_until": NOON.isoformat()}))


def test_a_revoked_key_cannot_be_rotated() -> None:
    with pytest.raises(Conflict, match="already_terminal"):
        given(revoked()).when(rotate)


def test_an_expired_key_cannot_be_rotated_and_a_moment_before_it_can() -> None:
    key = issue(expires_at=NOON)

    given(key).when(lambda key: rotate(key, at=NOON - timedelta(seconds=1)))
    with pytest.raises(Conflict, match="already_terminal"):
        given(issue(expires_at=NOON)).when(rotate)


def test_an_adopted_key_names_who_answers_for_it() -> None:
    ada = UserId.new()

    given(issue()).when(lambda key: key.adopt(ada, at=NOON)).then(
        (ApiKey.Adopted, {"name": "Shop", "responsible_id": str(ada)})
    )


@pytest.mark.parametrize("key", [revoked(), issue(expires_at=NOON)])
def test_a_key_that_ended_is_not_adopted(key: ApiKey) -> None:
    with pytest.raises(Conflict, match="already_terminal"):
        given(key).when(lambda key: key.adopt(UserId.new(), at=NOON))


def test_a_key_from_before_anybody_answered_for_it_has_nobody() -> None:
    (issued,) = issue().collect_events()
    for name in ("responsible_id", "team_id"):
        del issued.__dict__[name]

    key = issued.mutate(None)

    assert (key.responsible_id, key.team_id) == (None, None)


def test_a_revoked_key_says_why() -> None:
    given(issue()).when(lambda key: key.revoke("leaked")).then(
        (ApiKey.Revoked, {"name": "Shop", "reason": "leaked"})
    )


def test_a_key_is_revoked_once() -> None:
    with pytest.raises(Conflict, match="already_terminal"):
        given(revoked()).when(lambda key: key.revoke(None))


def test_an_expired_key_can_be_revoked_all_the_same() -> None:
    given(issue(expires_at=NOON - DAY)).when(lambda key: key.revoke(None)).then(
        (ApiKey.Revoked, {"reason": None})
    )


@pytest.mark.parametrize(
    ("status", "facts"),
    [
        ("active", {}),
        ("active", {"expires_at": NOON + 15 * DAY}),
        ("active", {"former_until": NOON}),
        ("expiring", {"expires_at": NOON + 14 * DAY}),
        ("expiring", {"expires_at": NOON + DAY, "former_until": NOON - DAY}),
        ("rotating", {"former_until": NOON + DAY}),
        ("rotating", {"former_until": NOON + DAY, "expires_at": NOON + DAY}),
        ("expired", {"expires_at": NOON}),
        ("expired", {"expires_at": NOON - DAY, "former_until": NOON + DAY}),
        ("revoked", {"revoked_at": NOON, "expires_at": NOON - DAY, "former_until": NOON + DAY}),
    ],
)
def test_the_gravest_fact_is_the_status(status: str, facts: dict[str, datetime]) -> None:
    assert status_of(NOON, **{"expires_at": None, "revoked_at": None, **facts}) == status


def test_a_named_set_holds_scopes_and_never_the_right_to_make_keys_but_everything() -> None:
    assert set(SCOPE_SETS) == {"process only", "publish bot", "read only", "everything"}
    for name, scopes in SCOPE_SETS.items():
        assert scopes
        assert (Scope.KEYS_MANAGE in scopes) == (name == "everything")
