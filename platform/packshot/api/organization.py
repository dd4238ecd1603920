"""/api/v1/org: the organization of the key, and what it is called."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from domain.errors import InvalidInput
from domain.org_limits import OrgLimits
from domain.organization import NAME_MAX_CHARACTERS
from domain.scopes import Scope
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.fields import Label
from packshot.edge.forms import Form
from packshot.edge.shapes import Answer, Time
from projections.organizations import KnownOrganization

PATH = "/api/v1/org"


class RenameOrganizationForm(Form):
    """A new name."""

    model_config = ConfigDict(json_schema_extra={"required": ["name"]})

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = Field(
        None, description="What people know the organization by.", examples=["Acme"]
    )


class OrganizationLimitsAnswer(Answer):
    """How much the organization may do; ``monthlyPictures`` is null where nobody counts."""

    burst: int
    per_minute: int
    at_once: int
    monthly_pictures: int | None


class OrganizationAnswer(Answer):
    """The organization; a key of one that is suspended or closed gets no answer at all."""

    org_id: str
    name: str
    status: Literal["active", "suspended", "closed"]
    limits: OrganizationLimitsAnswer
    created_at: Time


@endpoint("GET", PATH, scope=Scope.MEMBERS_READ, answer=OrganizationAnswer)
async def find_organization(call: Call[NoFields]) -> Reply:
    """Answer the organization of the key."""
    return Reply(_answer(await call.services.organizations.find(call.key.org_id)))


@endpoint(
    "PATCH",
    PATH,
    scope=Scope.MEMBERS_MANAGE,
    form=RenameOrganizationForm,
    answer=OrganizationAnswer,
    refuses=("missing_parameter", "invalid_parameter", "org_suspended", "overloaded"),
    answer_headers=("x-log-position", "x-log-head"),
)
async def rename_organization(call: Call[RenameOrganizationForm]) -> Reply:
    """Rename the organization."""
    name = call.form.name
    if name is None:
        raise InvalidInput(
            "missing_parameter", "name is missing.", param="name", fix="Send the new name."
        )
    organization, head = await call.services.organizations.rename(call.context, name)
    return Reply(_answer(organization), head=head)


def _answer(organization: KnownOrganization) -> OrganizationAnswer:
    standing = organization.standing
    return OrganizationAnswer(
        org_id=str(organization.org_id),
        name=organization.name,
        status=standing.status,
        limits=_limits(standing.limits),
        created_at=organization.created_at,
    )


def _limits(limits: OrgLimits) -> OrganizationLimitsAnswer:
    return OrganizationLimitsAnswer(
        burst=limits.burst,
        per_minute=limits.per_minute,
        at_once=limits.at_once,
        monthly_pictures=limits.monthly_pictures,
    )
