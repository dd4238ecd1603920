"""The start page, and the choice of the organization that is looked at."""

from typing import Annotated

from domain.errors import NotFound
from domain.ids import OrgId
from packshot.admin.shell.answers import Redirect
from packshot.admin.shell.declaring import Visit, page
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label
from packshot.edge.forms import Form

START = "/studio"


class OrganizationForm(Form):
    """Which organization to look at."""

    org_id: Annotated[str, Label(100)]


@page("GET", "/")
async def start(_visit: Visit[NoFields]) -> Redirect:
    """Begin where the work is."""
    return Redirect(START)


@page("POST", "/organization", form=OrganizationForm, is_kept_open=True)
async def look_at_organization(visit: Visit[OrganizationForm]) -> Redirect:
    """Look at another of one's organizations from now on."""
    places = {str(place.org_id) for place in visit.visitor.places}
    if visit.form.org_id not in places or visit.token is None:
        raise NotFound("not_found", "You belong to no such organization.")
    org_id = OrgId.parse(visit.form.org_id)
    token = await visit.services.sessions.look_at(visit.token, visit.visitor, org_id)
    return Redirect(START, token=token)
