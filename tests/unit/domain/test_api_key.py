import pytest

from domain.api_key import ApiKey
from domain.errors import InvalidInput
from domain.ids import KeyId
from domain.key_text import KeyText
from domain.scopes import EVERY_SCOPE, Scope
from given import given

TEXT = KeyText.make("live")


def issue(name: str = "Shop", scopes: tuple[Scope, ...] = EVERY_SCOPE) -> ApiKey:
    return ApiKey.issue(KeyId.new(), name=name, text=TEXT, mac=b"\x01", pepper_id=1, scopes=scopes)


def test_an_issued_key_holds_the_mac_and_not_the_secret() -> None:
    key = issue()

    (issued,) = key.collect_events()

    assert TEXT.text not in str(issued.__dict__)
    assert issued.__dict__["mac"] == "01"


def test_scopes_are_recorded_once_each() -> None:
    key = issue(scopes=(Scope.FILES_READ, Scope.FILES_READ, Scope.AUDIT_READ))

    assert given(key).aggregate.scopes == ["audit:read", "files:read"]


@pytest.mark.parametrize("name", ["", "a" * 101, "tab\t"])
def test_a_key_needs_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(InvalidInput):
        issue(name=name)


def test_a_key_needs_a_scope() -> None:
    with pytest.raises(InvalidInput):
        issue(scopes=())
