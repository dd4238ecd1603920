"""Integrations: the shops of an organization, connected, tested, read, renamed and let go."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from domain.connection import NAME_MAX_CHARACTERS, Connection
from domain.errors import InvalidInput, NotFound, Refusal
from domain.ids import IntegrationId
from domain.recorded import Actor
from domain.scopes import Scope
from packshot.admin.shell.answers import Html, Redirect
from packshot.admin.shell.declaring import PageAnswer, Visit, page
from packshot.admin.shell.lists import paging
from packshot.commands.catalog_syncs import SyncStatus
from packshot.commands.connections import Linked
from packshot.edge.contract import NoFields
from packshot.edge.fields import Label, Word
from packshot.edge.forms import Form, read_form
from packshot.edge.integration_fields import BridgeSecret, ShopAddress
from packshot.edge.paging import PageForm, Total, page_of
from packshot.edge.path_ids import integration_id_of
from packshot.edge.problems import kind_of

PATH = "/integrations"
ONE = PATH + "/{integrationId}"
KIND = "amazon-bridge"
CALL_COST = 1.0  # it calls somebody else's server, and waits for it
MOST_TRIES = 15  # of the demo shop that is still drawing: every three seconds
SAID = ("tested", "renamed", "rotated")

Anything = Annotated[str | None, Label(2000)]


class ShopsQuery(PageForm):
    """Which connections to show, and what was done a moment ago."""

    disconnected: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = None


class ShopQuery(Form):
    """What was done a moment ago."""

    said: Annotated[str, Word(SAID)] | None = None


class ConnectForm(Form):
    """A shop to connect, as it was typed; what it must be is asked where it can be answered."""

    shop: Annotated[str, Word(("demo", "bridge"))]
    tries: Annotated[str | None, Label(2)] = None
    name: Anything = None
    url: Anything = None
    secret: Anything = None


class BridgeForm(Form):
    """A bridge to connect."""

    name: Annotated[str | None, Label(NAME_MAX_CHARACTERS)] = None
    url: Annotated[str, ShopAddress()]
    secret: Annotated[str, BridgeSecret()]


class SecretForm(Form):
    """New credentials, checked."""

    secret: Annotated[str, BridgeSecret()]


class NameForm(Form):
    """What a connection is to be called."""

    name: Anything = None


class NewSecretForm(Form):
    """New credentials as they were typed."""

    secret: Anything = None


@dataclass(frozen=True, slots=True)
class Card:
    """A connection as a card shows it."""

    connection: Connection
    sync: SyncStatus
    given_by: str

    @property
    def is_syncing(self) -> bool:
        """Whether its catalog is being read, or is about to be."""
        return self.sync.job is not None and not self.sync.job.is_ended

    @property
    def is_unread(self) -> bool:
        """Whether its catalog was never read: reading it is what comes next."""
        return self.sync.job is None and self.sync.last is None


@page("GET", PATH, scope=Scope.INTEGRATIONS_READ, form=ShopsQuery)
async def show_integrations(visit: Visit[ShopsQuery]) -> Html:
    """Show the connected shops, and those that can be connected."""
    return await _shops_page(visit, visit.form)


@page(
    "POST",
    PATH,
    scope=Scope.INTEGRATIONS_MANAGE,
    form=ConnectForm,
    cost=CALL_COST,
    needs_proof=True,
)
async def connect_shop(visit: Visit[ConnectForm]) -> PageAnswer:
    """Connect a shop, or say in its place why not."""
    form, connections = visit.form, visit.services.connections
    try:
        if form.shop == "demo":
            linked = await connections.connect_demo(visit.context, kind=KIND, name=None)
        else:
            told = read_form(BridgeForm, _typed(visit, "name", "url", "secret"))
            linked = await connections.connect(
                visit.context, kind=KIND, name=told.name, url=told.url, secret=told.secret
            )
    except Refusal as refusal:
        return await _not_connected(visit, refusal)
    return Redirect(f"{PATH}/{linked.connection.integration_id}")


@page("GET", ONE, scope=Scope.INTEGRATIONS_READ, form=ShopQuery)
async def show_integration(visit: Visit[ShopQuery]) -> Html:
    """Show one connection."""
    return await _shop_page(visit, said=visit.form.said)


@page("GET", ONE + "/sync", scope=Scope.INTEGRATIONS_READ)
async def show_sync(visit: Visit[NoFields]) -> PageAnswer:
    """Answer how far the sync is, to the page that asks again and again while it runs."""
    connection = await _connection(visit)
    if not visit.is_fragment:
        return Redirect(f"{PATH}/{connection.integration_id}")
    (card,) = await _cards(visit, [connection])
    return Html("integration_sync.html", {"card": card})


@page("POST", ONE + "/sync", scope=Scope.CATALOG_SYNC)
async def sync_shop(visit: Visit[NoFields]) -> PageAnswer:
    """Read the shop's catalog, as a job."""
    connection = await _connection(visit)
    await visit.services.catalog_syncs.request(visit.context, connection.integration_id)
    if not visit.is_fragment:
        return Redirect(f"{PATH}/{connection.integration_id}")
    (card,) = await _cards(visit, [await _connection(visit)])
    return Html("integration_sync.html", {"card": card})


@page("POST", ONE + "/test", scope=Scope.INTEGRATIONS_MANAGE, cost=CALL_COST)
async def test_shop(visit: Visit[NoFields]) -> PageAnswer:
    """Ask the shop who it is."""
    test = visit.services.connections.test
    return await _changed(visit, lambda one: test(visit.context, one), said="tested")


@page("POST", ONE + "/name", scope=Scope.INTEGRATIONS_MANAGE, form=NameForm)
async def rename_shop(visit: Visit[NameForm]) -> PageAnswer:
    """Call a connection otherwise."""

    async def rename(integration_id: IntegrationId) -> Linked:
        rename = visit.services.connections.rename
        return await rename(visit.context, integration_id, visit.form.name or "")

    return await _changed(visit, rename, said="renamed", part="name")


@page(
    "POST", ONE + "/credentials", scope=Scope.INTEGRATIONS_MANAGE, form=NewSecretForm,
    cost=CALL_COST, needs_proof=True,
)  # fmt: skip
async def rotate_credentials(visit: Visit[NewSecretForm]) -> PageAnswer:
    """Give a connection new credentials that the shop accepts."""

    async def rotate(integration_id: IntegrationId) -> Linked:
        secret = read_form(SecretForm, _typed(visit, "secret")).secret
        rotate = visit.services.connections.rotate
        return await rotate(visit.context, integration_id, secret=secret)

    return await _changed(visit, rotate, said="rotated", part="secret")


@page("POST", ONE + "/disconnect", scope=Scope.INTEGRATIONS_MANAGE, needs_proof=True)
async def disconnect_shop(visit: Visit[NoFields]) -> PageAnswer:
    """End a connection and destroy its credentials."""
    integration_id = integration_id_of(visit.path)
    await visit.services.connections.disconnect(visit.context, integration_id)
    return Redirect(f"{PATH}?disconnected=yes")


async def _changed(
    visit: Visit[Any],
    change: Callable[[IntegrationId], Awaitable[Linked]],
    *,
    said: str,
    part: str = "",
) -> PageAnswer:
    """Change a connection and go back to it, or say in that part of its page why not."""
    integration_id = integration_id_of(visit.path)
    try:
        await change(integration_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _shop_page(visit, problem=refusal, part=part)
    return Redirect(f"{PATH}/{integration_id}?said={said}")


async def _not_connected(visit: Visit[ConnectForm], refusal: Refusal) -> Html:
    """The page with the reason; a demo shop that does not answer yet is asked again by it."""
    tries = int(visit.form.tries or 0) if (visit.form.tries or "0").isdigit() else MOST_TRIES
    is_drawing = (
        visit.form.shop == "demo"
        and refusal.code == "channel_unreachable"
        and visit.services.connections.shops.demo is not None
        and tries < MOST_TRIES
    )
    told = {"problem": refusal, "asked": visit.form.shop, "is_drawing": is_drawing}
    told |= {"tries": tries + 1}
    status = 200 if is_drawing else kind_of(refusal.code).status
    if visit.is_fragment:
        return Html("integrations_demo.html", told, status=status)
    told |= {"typed": {"name": visit.form.name or "", "url": visit.form.url or ""}}
    return await _shops_page(visit, read_form(ShopsQuery, {}), told, status=status)


async def _shops_page(
    visit: Visit[Any],
    query: ShopsQuery,
    told: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> Html:
    connections, org_id = visit.services.connections, visit.visitor.org_id
    after = query.after_id(IntegrationId)
    listed = await connections.list(org_id, after=after, limit=query.limit + 1)
    shown, page_ = page_of(
        listed.connections, query, total=Total(listed.total), place=lambda c: str(c.integration_id)
    )
    values = {
        "cards": await _cards(visit, shown),
        "has_demo": connections.shops.demo is not None,
        "disconnected": query.disconnected,
        "problem": None,
        "asked": None,
        "is_drawing": False,
        "tries": 0,
        "typed": {"name": "", "url": ""},
        **paging(PATH, page_),
    }
    return Html("integrations.html", values | dict(told or {}), status=status)


async def _shop_page(
    visit: Visit[Any], *, said: str | None = None, problem: Refusal | None = None, part: str = ""
) -> Html:
    (card,) = await _cards(visit, [await _connection(visit)])
    status = 200 if problem is None else kind_of(problem.code).status
    values = {"card": card, "said": said, "problem": problem, "part": part}
    return Html("integration.html", values, status=status)


async def _connection(visit: Visit[Any]) -> Connection:
    integration_id = integration_id_of(visit.path)
    return await visit.services.connections.find(visit.visitor.org_id, integration_id)


async def _cards(visit: Visit[Any], connections: Sequence[Connection]) -> list[Card]:
    org_id, services = visit.visitor.org_id, visit.services
    givers = [Actor.from_dict(connection.given_by) for connection in connections]
    names = await services.names.of(org_id, givers)
    return [
        Card(connection, await services.catalog_syncs.status(org_id, connection), names[giver])
        for connection, giver in zip(connections, givers, strict=True)
    ]


def _typed(visit: Visit[Any], *names: str) -> dict[str, object]:
    """Those fields as they were sent; an empty one of these is a mistake that is told."""
    for name in names:
        if name != "name" and name not in visit.values:
            raise InvalidInput(
                "missing_parameter",
                f"The {name} is missing.",
                param=name,
                fix=f"Fill in the {name}.",
            )
    return {name: visit.values[name] for name in names if name in visit.values}
