"""The Settings page: what the organization is called, how much it may do, and its end."""

from typing import Annotated, Any

from domain.errors import InvalidInput, Refusal
from domain.organization import CLOSING_GRACE, NAME_MAX_CHARACTERS
from domain.scopes import Scope
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form
from packshot.edge.problems import kind_of

PATH = "/settings"
DONE = {"renamed": "The organization was renamed."}


class SettingsForm(Form):
    """What was just done."""

    done: Annotated[str, Word(tuple(DONE))] | None = None


class NameForm(Form):
    """A name: the new one, or the present one as a word that it is meant."""

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = None


@page("GET", PATH, scope=Scope.MEMBERS_READ, form=SettingsForm)
async def show_settings(visit: Visit[SettingsForm]) -> Html:
    """Show what the organization is called and how it stands."""
    done = visit.form.done
    return await _page(visit, done=None if done is None else DONE[done])


@page("POST", PATH + "/name", scope=Scope.MEMBERS_MANAGE, form=NameForm)
async def rename_organization(visit: Visit[NameForm]) -> PageAnswer:
    """Call the organization something else."""
    try:
        await visit.services.organizations.rename(visit.context, visit.form.name or "")
    except Refusal as refusal:
        return await _page(visit, problem=refusal)
    return Redirect(f"{PATH}?done=renamed")


@page("POST", PATH + "/close", scope=Scope.MEMBERS_MANAGE, form=NameForm, needs_proof=True)
async def close_organization(visit: Visit[NameForm]) -> PageAnswer:
    """Close the organization, once its name was typed; what is looked at then is another."""
    try:
        if visit.form.name != visit.visitor.org_name:
            raise InvalidInput(
                "invalid_parameter",
                "This is not the name of the organization: it was not closed.",
                param="name",
                fix="Type its name exactly as it stands above.",
            )
        await visit.services.organizations.close(visit.context)
    except Refusal as refusal:
        return await _page(visit, problem=refusal)
    return Redirect("/")


async def _page(
    visit: Visit[Any], *, problem: Refusal | None = None, done: str | None = None
) -> Html:
    organization = await visit.services.organizations.find(visit.visitor.org_id)
    values = {
        "organization": organization,
        "problem": problem,
        "done": done,
        "grace_days": CLOSING_GRACE.days,
    }
    if problem is None:
        return Html("settings.html", values)
    status = kind_of(problem.code).status
    return Html("settings.html", values, status=status, headers=dict(problem.headers))
