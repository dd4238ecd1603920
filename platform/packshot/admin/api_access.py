"""API access: the endpoints, a form for the one selected, examples, answers, and the usage."""

from itertools import groupby
from typing import Annotated

from domain.errors import NotFound
from domain.scopes import Scope
from packshot.admin.shell.answers import Html
from packshot.admin.shell.declaring import Visit, page
from packshot.admin.tester_shapes import operations_of
from packshot.admin.usage_card import usage_card
from packshot.edge.fields import Label
from packshot.edge.forms import Form

FIRST = "process"


class AccessQuery(Form):
    """Which endpoint is selected."""

    endpoint: Annotated[str | None, Label(100)] = None


@page("GET", "/api-access", scope=Scope.FILES_READ, form=AccessQuery)
async def show_api_access(visit: Visit[AccessQuery]) -> Html:
    """Show the endpoints and a tester of the one selected."""
    operations = operations_of(visit.state.document)
    wanted = visit.form.endpoint or FIRST
    selected = next((one for one in operations if one.name == wanted), None)
    if selected is None:
        raise NotFound("not_found", "There is no such endpoint.", fix="Choose one of the list.")
    by_group = sorted(operations, key=lambda one: one.group in {"Service", "Without a key"})
    groups = [(name, list(those)) for name, those in groupby(by_group, key=lambda one: one.group)]
    shown = {"groups": groups, "selected": selected}
    if visit.is_fragment:
        return Html("api_tester.html", shown)
    return Html("api_access.html", {**shown, "usage": await usage_card(visit)})
