"""What a page declares, and what it is given: its address, who may see it, its fields."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from quart import Request

from domain.ids import OrgId
from domain.recorded import Actor, Context
from domain.scopes import Scope
from packshot.admin.shell.answers import Html, Redirect, Streamed
from packshot.commands.sessions import Visitor
from packshot.edge.contract import NoFields, Reply
from packshot.edge.exchange import Exchange
from packshot.edge.forms import Form
from packshot.edge.gate import Gate
from packshot.edge.spool import Spooled
from packshot.edge.state import ServingState

if TYPE_CHECKING:
    from packshot.wiring import Services

FormT = TypeVar("FormT", bound=Form)


@dataclass(slots=True)
class Visit(Generic[FormT]):
    """One request of a page: who, with what, on which services.

    ``form`` holds the checked fields, of the query for a GET and of the body for a POST; ``file``
    the upload, while the handler runs. ``token`` is the session's text, None when signed out, and
    ``is_fresh_token`` says that the browser does not know it yet. ``cookies`` are others to leave
    with it: a text and how many seconds it is kept.
    """

    services: "Services"
    state: ServingState
    gate: Gate
    exchange: Exchange
    request: Request
    path: Mapping[str, str]
    form: FormT
    token: str | None = None
    is_fresh_token: bool = False
    signed_in: Visitor | None = None
    file: Spooled | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    cookies: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def visitor(self) -> Visitor:
        """Who is signed in; only pages for everybody have none."""
        assert self.signed_in is not None
        return self.signed_in

    @property
    def org_id(self) -> OrgId | None:
        """The organization that is looked at; None when nobody is signed in."""
        return None if self.signed_in is None else self.signed_in.org_id

    @property
    def context(self) -> Context:
        """The act as the log records it."""
        request_id = self.exchange.request_id
        visitor = self.visitor
        actor = Actor("user", str(visitor.user_id))
        return Context(visitor.org_id, actor, request_id, correlation_id=request_id)

    @property
    def is_https(self) -> bool:
        """Whether people reach the pages by https, perhaps at a proxy before this process."""
        return self.request.is_secure or self.services.settings.public_url.startswith("https:")

    @property
    def own_address(self) -> str:
        """Where people reach us: as configured on https, else where this browser found us."""
        if self.is_https and not self.request.is_secure:
            return self.services.settings.public_url
        return f"{self.request.scheme}://{self.request.host}"

    @property
    def is_navigation(self) -> bool:
        """Whether a browser asked for a whole page to show, not for a part or a picture of one."""
        if self.request.method != "GET" or self.is_fragment:
            return False
        wanted = self.request.headers.get("sec-fetch-dest")
        if wanted is not None:
            return wanted == "document"
        return "text/html" in self.request.headers.get("accept", "")

    @property
    def is_fragment(self) -> bool:
        """Whether a part of a page was asked for by a script, not a whole one by a browser."""
        return self.request.headers.get("hx-request") == "true"


PageAnswer = Html | Redirect | Reply | Streamed
PageHandler = Callable[[Visit[Any]], Coroutine[Any, Any, PageAnswer]]


@dataclass(frozen=True, slots=True)
class Page:
    """A declared page: see ``page`` for the members."""

    method: str
    path: str
    handler: PageHandler
    scope: Scope | None
    form: type[Form]
    file_field: str | None
    cost: float
    is_public: bool
    needs_proof: bool
    is_kept_open: bool

    @property
    def name(self) -> str:
        """The page's name, for the framework."""
        return f"page:{self.method}:{self.path}"


def page(  # noqa: PLR0913 - a declaration says everything in one place
    method: str,
    path: str,
    *,
    scope: Scope | None = None,
    form: type[Form] = NoFields,
    file_field: str | None = None,
    cost: float = 0.0,
    is_public: bool = False,
    needs_proof: bool = False,
    is_kept_open: bool = False,
) -> Callable[[PageHandler], Page]:
    """Declare a page.

    ``path`` names its parameters in braces. A page is for members whose role allows ``scope``
    (None: for every member), unless ``is_public``. A POST comes from our own pages only, and one of
    a member carries the session's token; ``form`` reads its fields. ``file_field`` lets the body be
    multipart with that file. ``cost`` is the weight on the organization's limit, as the API's.
    A POST that ``needs_proof`` is asked for the password first, where that is some minutes ago.
    ``is_kept_open`` is for what people may still do while the organization is suspended.
    """

    def declare(handler: PageHandler) -> Page:
        return Page(
            method, path, handler, scope, form, file_field, cost,
            is_public, needs_proof, is_kept_open,
        )  # fmt: skip

    return declare
