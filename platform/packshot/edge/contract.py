"""What an endpoint declares; routing, validation and the OpenAPI document all come from it.

One declaration per endpoint, and nothing is described twice: the sentence of the document is the
handler's docstring, the fields are its form, the answer is its model, the refusals are codes.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel
from quart import Request

from domain.recorded import Actor, Context
from domain.scopes import Scope
from packshot.edge.downloads import Download
from packshot.edge.event_streams import EventStream
from packshot.edge.exchange import Exchange
from packshot.edge.files import FileAnswer
from packshot.edge.forms import Form
from packshot.edge.limits import READ_COST
from packshot.edge.looking_back import LooksBack
from packshot.edge.spool import Spooled
from packshot.edge.state import ServingState

if TYPE_CHECKING:
    from packshot.store.head import LogHead
    from packshot.store.keycache import KeyRecord
    from packshot.store.past import AsOf
    from packshot.wiring import Services


class Access(StrEnum):
    """Who may call an endpoint, where no single scope says it."""

    PUBLIC = "public"
    BY_ADDRESS = "anyone, counted by address"
    ANY_KEY = "any key"


class NoFields(Form):
    """The form of an endpoint that takes nothing."""


FormT = TypeVar("FormT", bound=Form)

MOST_JSON_BYTES = 64 * 1024


@dataclass(slots=True)
class Call(Generic[FormT]):
    """One admitted call of an endpoint: who, with what, on which services.

    ``is_kept`` says that the answer is kept for repeats: the handler runs inside a unit of work,
    and nothing it saves is true before it has returned. It must not wait for its own effect.
    ``as_of`` is the point of the log that a read with ``asOf`` is answered as of; None for today.
    """

    services: "Services"
    state: ServingState
    exchange: Exchange
    request: Request
    path: Mapping[str, str]
    form: FormT
    file: Spooled | None = None
    is_kept: bool = False
    as_of: "AsOf | None" = None

    @property
    def position(self) -> int | None:
        """The position of ``as_of``; None for today."""
        return None if self.as_of is None else self.as_of.position

    @property
    def key(self) -> "KeyRecord":
        """The key of the caller; only endpoints that are not public have one."""
        key = self.exchange.key
        assert key is not None
        return key

    @property
    def context(self) -> Context:
        """The act as the log records it."""
        request_id = self.exchange.request_id
        actor = Actor("key", str(self.key.key_id))
        return Context(self.key.org_id, actor, request_id, correlation_id=request_id)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a model sent as JSON, a file, a download, a stream of events, or text.

    ``head`` is the log's head after a write; every write tells it to its client. ``once`` names the
    members of a JSON object that are told only now (secrets): an answer kept for repeats lacks
    them and says ``secretAlreadyShown``. ``later`` waits for a better answer; it is called once
    everything is committed, for nothing may hold a transaction that long.
    """

    body: "BaseModel | FileAnswer | Download | EventStream | bytes"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    head: "LogHead | None" = None
    once: frozenset[str] = frozenset()
    later: "Callable[[], Coroutine[Any, Any, Reply]] | None" = None


Handler = Callable[[Call[Any]], Coroutine[Any, Any, Reply]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A declared endpoint: see ``endpoint`` for the members."""

    method: str
    path: str
    handler: Handler
    scope: Scope | Access
    cost: float
    form: type[Form]
    file_field: str | None
    answer: type[BaseModel] | None
    media_types: tuple[str, ...]
    refuses: tuple[str, ...]
    answer_headers: tuple[str, ...]
    follows: str | None
    accepted: type[BaseModel] | None
    json_max_bytes: int
    created: bool
    queues: bool

    @property
    def name(self) -> str:
        """The handler's name in camelCase: the operation's id in the document."""
        first, *rest = self.handler.__name__.split("_")
        return first + "".join(word.title() for word in rest)

    @property
    def is_public(self) -> bool:
        """True when no key is asked for."""
        return self.scope in {Access.PUBLIC, Access.BY_ADDRESS}

    @property
    def is_repeatable(self) -> bool:
        """True when an Idempotency-Key makes repeats of a request safe: of any POST with a key."""
        return self.method == "POST" and not self.is_public

    @property
    def may_wait(self) -> bool:
        """True when ``x-min-position`` makes it wait for a write: of any GET with a key."""
        return self.method == "GET" and not self.is_public

    @property
    def may_look_back(self) -> bool:
        """True when ``asOf`` makes it answer how it stood before."""
        return issubclass(self.form, LooksBack)

    @property
    def has_body(self) -> bool:
        """True when the fields come in the request's body, not in its query."""
        return self.method in {"POST", "PUT", "PATCH"}


def endpoint(  # noqa: PLR0913 - a declaration says everything in one place
    method: str,
    path: str,
    *,
    scope: Scope | Access,
    cost: float = READ_COST,
    form: type[Form] = NoFields,
    file_field: str | None = None,
    answer: type[BaseModel] | None = None,
    media_types: tuple[str, ...] = (),
    refuses: tuple[str, ...] = (),
    answer_headers: tuple[str, ...] = (),
    follows: str | None = None,
    accepted: type[BaseModel] | None = None,
    json_max_bytes: int = MOST_JSON_BYTES,
    created: bool = False,
    queues: bool = False,
) -> Callable[[Handler], Endpoint]:
    """Declare an endpoint.

    ``path`` names its parameters in braces. ``cost`` is the weight on the organization's limit.
    ``file_field`` makes the body multipart with that file, or JSON without it. ``answer`` is the
    JSON's model; ``media_types`` are further types the answer may have. ``refuses`` are the codes
    beyond those that follow from the rest of the declaration; ``answer_headers`` are documented.
    ``follows`` is the following view that a GET reads, None where what it reads is right at once.
    ``accepted`` is the model of a 202, where the work may be done later. ``json_max_bytes`` is how
    large a JSON body may be; 0 where the fields only come beside a file. ``created`` says that the
    answer is a 201 with a Location. ``queues`` says that it puts jobs into the queue, which
    is refused while those before wait too long.
    """

    def declare(handler: Handler) -> Endpoint:
        return Endpoint(
            method, path, handler, scope, cost, form, file_field, answer, media_types,
            refuses, answer_headers, follows, accepted, json_max_bytes, created,
            queues,
        )  # fmt: skip

    return declare
