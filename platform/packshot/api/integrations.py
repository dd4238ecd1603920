"""/api/v1/integrations: connections to shops, and the reading of their catalogs."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from domain.connection import NAME_MAX_CHARACTERS
from domain.errors import InvalidInput
from domain.ids import IntegrationId
from domain.scopes import Scope
from packshot.commands.connections import Linked
from packshot.edge.contract import Call, NoFields, Reply, endpoint
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form
from packshot.edge.integration_fields import BridgeSecret, ShopAddress, Yes
from packshot.edge.integration_shapes import (
    INTEGRATION,
    INTEGRATIONS_PATH,
    IntegrationAnswer,
    IntegrationsAnswer,
    integration_answer,
)
from packshot.edge.job_shapes import JobAnswer, job_answer, path_of
from packshot.edge.paging import PageForm, Total, page_of
from packshot.edge.path_ids import integration_id_of
from packshot.edge.trying import refuse_test_key

KIND = Word(
    ("amazon-bridge",),
    not_yet=tuple(
        (kind, "amazon-bridge is the only kind of shop yet.")
        for kind in ("shopify", "woocommerce", "amazon")
    ),
)
WRITTEN = ("x-log-position", "x-log-head")
CHANGE_REFUSALS = ("not_found", "invalid_parameter", "version_conflict", "org_suspended")
SHOP_REFUSALS = ("channel_rejected", "channel_unreachable", "url_not_allowed")
KEEPS = "ends no connection of a shop and replaces no credentials"
CALL_COST = 1.0  # it calls somebody else's server, and waits for it

Name = Annotated[str | None, Label(NAME_MAX_CHARACTERS)]


class IntegrationForm(Form):
    """A shop to connect: its address and its secret, or the demo shop of this installation."""

    model_config = ConfigDict(json_schema_extra={"required": ["kind"]})

    kind: Annotated[str, KIND] | None = Field(None, description="What kind of shop it is.")
    name: Name = Field(None, description="What people call the shop; else as the shop does.")
    url: Annotated[str, ShopAddress()] | None = Field(
        None, alias="settings.url", description="The address of the shop's bridge."
    )
    demo: Annotated[bool, Yes()] | None = Field(
        None,
        alias="settings.demo",
        description="The demo shop of this installation, in place of an address.",
    )
    secret: Annotated[str, BridgeSecret()] | None = Field(
        None,
        alias="credentials.secret",
        description="The secret that the bridge shares; it is sealed and never shown again.",
    )


class RenameForm(Form):
    """What to change of a connection."""

    model_config = ConfigDict(json_schema_extra={"required": ["name"]})

    name: Name = Field(None, description="What people call the shop.")


class CredentialsForm(Form):
    """New credentials for a connection."""

    model_config = ConfigDict(json_schema_extra={"required": ["secret"]})

    secret: Annotated[str, BridgeSecret()] | None = Field(
        None, description="The bridge's secret of today."
    )


@endpoint(
    "POST",
    INTEGRATIONS_PATH,
    scope=Scope.INTEGRATIONS_MANAGE,
    cost=CALL_COST,
    form=IntegrationForm,
    answer=IntegrationAnswer,
    created=True,
    refuses=(
        "missing_parameter", "ambiguous_input", "already_connected", "org_suspended",
        *SHOP_REFUSALS,
    ),
    answer_headers=WRITTEN,
)  # fmt: skip
async def connect_integration(call: Call[IntegrationForm]) -> Reply:
    """Connect a shop, if it answers to these credentials."""
    form, connections = call.form, call.services.connections
    kind = _required(form.kind, "kind")
    if form.demo:
        _refuse_beside_demo(form)
        linked = await connections.connect_demo(call.context, kind=kind, name=form.name)
    else:
        url = _required(form.url, "settings.url")
        secret = _required(form.secret, "credentials.secret")
        linked = await connections.connect(
            call.context, kind=kind, name=form.name, url=url, secret=secret
        )
    location = INTEGRATION.format(integrationId=linked.connection.integration_id)
    return Reply(
        integration_answer(linked.connection, None),
        status=201,
        headers={"location": location},
        head=linked.head,
    )


@endpoint(
    "GET",
    INTEGRATIONS_PATH,
    scope=Scope.INTEGRATIONS_READ,
    form=PageForm,
    answer=IntegrationsAnswer,
)
async def list_integrations(call: Call[PageForm]) -> Reply:
    """Answer the organization's connections to shops, oldest first."""
    form = call.form
    listed = await call.services.connections.list(
        call.key.org_id, after=form.after_id(IntegrationId), limit=form.limit + 1
    )
    shown, page = page_of(
        listed.connections,
        form,
        total=Total(listed.total),
        place=lambda connection: str(connection.integration_id),
    )
    told = [integration_answer(each, listed.synced.get(each.id)) for each in shown]
    return Reply(IntegrationsAnswer(data=told, page=page))


@endpoint(
    "GET",
    INTEGRATION,
    scope=Scope.INTEGRATIONS_READ,
    answer=IntegrationAnswer,
    refuses=("not_found",),
)
async def find_integration(call: Call[NoFields]) -> Reply:
    """Answer a connection to a shop."""
    org_id = call.key.org_id
    connection = await call.services.connections.find(org_id, integration_id_of(call.path))
    return await _told(call, Linked(connection, None))


@endpoint(
    "PATCH",
    INTEGRATION,
    scope=Scope.INTEGRATIONS_MANAGE,
    form=RenameForm,
    answer=IntegrationAnswer,
    refuses=("missing_parameter", *CHANGE_REFUSALS),
    answer_headers=WRITTEN,
)
async def rename_integration(call: Call[RenameForm]) -> Reply:
    """Rename a connection to a shop."""
    integration_id, name = integration_id_of(call.path), _required(call.form.name, "name")
    return await _told(
        call, await call.services.connections.rename(call.context, integration_id, name)
    )


@endpoint(
    "DELETE",
    INTEGRATION,
    scope=Scope.INTEGRATIONS_MANAGE,
    answer=IntegrationAnswer,
    refuses=("test_key", *CHANGE_REFUSALS),
    answer_headers=WRITTEN,
)
async def disconnect_integration(call: Call[NoFields]) -> Reply:
    """Disconnect a shop: its credentials are destroyed, its items leave the catalog."""
    integration_id = integration_id_of(call.path)
    refuse_test_key(call, KEEPS)
    return await _told(
        call, await call.services.connections.disconnect(call.context, integration_id)
    )


@endpoint(
    "POST",
    INTEGRATION + "/test",
    scope=Scope.INTEGRATIONS_MANAGE,
    cost=CALL_COST,
    answer=IntegrationAnswer,
    refuses=CHANGE_REFUSALS,
    answer_headers=WRITTEN,
)
async def test_integration(call: Call[NoFields]) -> Reply:
    """Ask the shop who it is; a failure is answered as the connection's status and error."""
    return await _told(
        call, await call.services.connections.test(call.context, integration_id_of(call.path))
    )


@endpoint(
    "POST",
    INTEGRATION + "/credentials",
    scope=Scope.INTEGRATIONS_MANAGE,
    cost=CALL_COST,
    form=CredentialsForm,
    answer=IntegrationAnswer,
    refuses=("missing_parameter", "test_key", *CHANGE_REFUSALS, *SHOP_REFUSALS),
    answer_headers=WRITTEN,
)
async def rotate_credentials(call: Call[CredentialsForm]) -> Reply:
    """Give a connection new credentials, if the shop answers to them."""
    integration_id = integration_id_of(call.path)
    secret = _required(call.form.secret, "secret")
    refuse_test_key(call, KEEPS)
    connections = call.services.connections
    return await _told(call, await connections.rotate(call.context, integration_id, secret=secret))


@endpoint(
    "POST",
    INTEGRATION + "/sync",
    scope=Scope.CATALOG_SYNC,
    accepted=JobAnswer,
    refuses=(*CHANGE_REFUSALS, "overloaded"),
    answer_headers=("location", *WRITTEN),
)
async def sync_integration(call: Call[NoFields]) -> Reply:
    """Read the shop's catalog, as a job; while it is being read, that job is answered."""
    integration_id = integration_id_of(call.path)
    asked = await call.services.catalog_syncs.request(call.context, integration_id)
    headers = {"location": path_of(asked.job)}
    return Reply(job_answer(asked.job), status=202, headers=headers, head=asked.head)


async def _told(call: Call[Any], linked: Linked) -> Reply:
    connection = linked.connection
    synced = await call.services.connections.synced(call.key.org_id, [connection])
    return Reply(integration_answer(connection, synced.get(connection.id)), head=linked.head)


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise InvalidInput(
            "missing_parameter", f"{name} is missing.", param=name, fix=f"Send {name}."
        )
    return value


def _refuse_beside_demo(form: IntegrationForm) -> None:
    if form.url is not None or form.secret is not None:
        raise InvalidInput(
            "ambiguous_input",
            "The demo shop has neither address nor credentials of its own.",
            param="settings.demo",
            fix="Send settings.demo alone, or settings.url and credentials.secret.",
        )
