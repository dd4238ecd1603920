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
