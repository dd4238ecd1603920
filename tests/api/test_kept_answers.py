"""What is kept of an answer, on endpoints made for it: secrets, faults, later answers, paths."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from quart import Response
from quart.typing import TestClientProtocol as ThingsClient

from api.duplicates import events_of, jobs_in, let_pass
from api.server import RunningApi
from domain.errors import Conflict, InvalidImage, NotFound, Refusal, Unavailable
from given import requested_job
from packshot.app import Application
from packshot.commands.organizations import Created
from packshot.edge.contract import Access, Call, Endpoint, Reply, endpoint
from packshot.edge.dispatch import install
from packshot.edge.forms import Form
from packshot.edge.gate import Gate
from packshot.edge.guard import Guard
from packshot.edge.limiter import Limiter
from packshot.edge.shapes import Answer
from packshot.edge.state import ServingState
from packshot.wiring import Services, open_services

KEYS = "/api/v1/things/{thingId}/keys"


class NewKeyForm(Form):
    """A key's name."""

    name: str | None = None


class NewKey(Answer):
    """A key that is shown once."""

    key_id: str
    secret: str


@dataclass(slots=True)
class Handlers:
    """Endpoints that do as a test tells them."""

    refusals: list[Refusal] = field(default_factory=list)
    later: asyncio.Future[Reply] | None = None
    calls: int = 0

    def endpoints(self) -> list[Endpoint]:
        """The endpoints."""

        @endpoint("POST", KEYS, scope=Access.ANY_KEY, form=NewKeyForm, answer=NewKey)
        async def create_key(call: Call[NewKeyForm]) -> Reply:
            """Make a key."""
            return await self._create(call)

        return [create_key]

    async def _create(self, call: Call[Any]) -> Reply:
        self.calls += 1
        head = await call.services.store.save(call.context, requested_job())
        if self.refusals:
            raise self.refusals.pop()
        made = NewKey(key_id=f"key_{self.calls}", secret=f"secret {self.calls}")
        headers = {"location": f"/keys/{self.calls}"}
        return Reply(
            made, 201, headers, head=head, once=frozenset({"secret"}),
            later=None if self.later is None else self._wait,
        )  # fmt: skip

    async def _wait(self) -> Reply:
        assert self.later is not None
        return await asyncio.shield(self.later)


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
async def services(api: RunningApi) -> AsyncIterator[Services]:
    async with open_services(api.settings, render=False) as services:
        yield services


@pytest.fixture
async def things(services: Services, handlers: Handlers) -> AsyncIterator[ThingsClient]:
    """A client of an application with these endpoints."""
    app = Application()
    limiter = Limiter.connect(services.settings.redis_url)
    state = ServingState(limiter, b"", b"")
    gate = Gate(services.keys, services.key_uses, limiter, places=state.places)
    install(
        app,
        handlers.endpoints(),
        services=services,
        state=state,
        gate=gate,
        stray_page=no_page,
    )
    app.asgi_app = Guard(app.asgi_app)  # type: ignore[method-assign, assignment]
    yield app.test_client()
    await limiter.close()


async def no_page(error: Exception) -> Response:
    """There are no pages beside these endpoints."""
    raise error


@dataclass(frozen=True, slots=True)
class Told:
    """An answer."""

    status: int
    headers: Any
    body: Any

    @property
    def is_repeat(self) -> bool:
        return "idempotency-replayed" in self.headers


async def send(
    things: ThingsClient, org: Created, *, thing: str = "a", key: str = "k", **fields: str
) -> Told:
    answer = await things.post(
        KEYS.format(thingId=thing),
        headers={"x-api-key": org.secret, "idempotency-key": key},
        json=fields,
    )
    return Told(answer.status_code, answer.headers, await answer.get_json())


async def effects(api: RunningApi, org: Created) -> int:
    return len(jobs_in(await events_of(api.settings, org.org_id)))


async def test_a_secret_is_shown_once_and_not_kept(
    things: ThingsClient, services: Services, acme: Created
) -> None:
    first = await send(things, acme)
    again = await send(things, acme)

    assert first.body == {"keyId": "key_1", "secret": "secret 1"}
    assert again.body == {"keyId": "key_1", "secretAlreadyShown": True}
    assert (again.status, again.is_repeat) == (201, True)
    assert again.headers["location"] == "/keys/1"
    assert again.headers["x-log-head"] == first.headers["x-log-head"]
    async with services.pools.reading(acme.org_id) as connection:
        bodies = await connection.fetch("SELECT body FROM work.idempotency")
    assert [b"secret 1" in row["body"] for row in bodies] == [False]


async def test_the_same_key_at_another_address_is_another_key(
    things: ThingsClient, api: RunningApi, acme: Created
) -> None:
    answers = [await send(things, acme, thing=thing) for thing in ("a", "b", "a", "x\x00", "x\x00")]

    assert [answer.is_repeat for answer in answers] == [False, False, True, False, True]
    assert await effects(api, acme) == 3


@pytest.mark.parametrize(
    "refusal",
    [
        Unavailable("overloaded", "Not now."),
        Refusal("concurrency_limited", "Too many."),
        Refusal("scope_missing", "You may not."),
        Refusal("missing_parameter", "Something is missing."),
    ],
)
async def test_a_refusal_that_is_not_kept_leaves_no_effect_and_frees_the_key(
    things: ThingsClient, handlers: Handlers, api: RunningApi, acme: Created, refusal: Refusal
) -> None:
    handlers.refusals.append(refusal)

    refused = await send(things, acme)
    done = await send(things, acme, name="mended")

    assert refused.body["code"] == refusal.code
    assert (done.status, done.is_repeat) == (201, False)
    assert await effects(api, acme) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        NotFound("not_found", "It is not there."),
        Conflict("already_terminal", "It is over."),
        InvalidImage("malformed_image", "It is broken."),
    ],
)
async def test_a_refusal_that_is_kept_leaves_no_effect_and_is_repeated(
    things: ThingsClient, handlers: Handlers, api: RunningApi, acme: Created, refusal: Refusal
) -> None:
    handlers.refusals.append(refusal)

    refused = await send(things, acme)
    again = await send(things, acme)

    assert (again.body, again.status) == (refused.body, refused.status)
    assert (refused.is_repeat, again.is_repeat, handlers.calls) == (False, True, 1)
    assert await effects(api, acme) == 0


async def test_our_own_fault_leaves_no_effect_and_frees_the_key(
    things: ThingsClient, handlers: Handlers, api: RunningApi, acme: Created
) -> None:
    handlers.refusals.append(RuntimeError("a bug"))  # type: ignore[arg-type]

    failed = await send(things, acme)
    done = await send(things, acme)

    assert (failed.status, failed.body["code"]) == (500, "internal")
    assert (done.status, done.is_repeat) == (201, False)
    assert await effects(api, acme) == 1


async def committed(api: RunningApi, org: Created) -> None:
    async with asyncio.timeout(10):
        while await effects(api, org) == 0:
            await asyncio.sleep(0)


async def test_repeats_wait_for_the_later_answer_and_are_told_that(
    things: ThingsClient, handlers: Handlers, api: RunningApi, acme: Created
) -> None:
    handlers.later = asyncio.get_running_loop().create_future()
    first = asyncio.create_task(send(things, acme))
    await committed(api, acme)
    early = await send(things, acme)

    handlers.later.set_result(Reply(b'{"done":true}'))
    told, again = await first, await send(things, acme)

    assert (early.status, early.body["code"]) == (409, "idempotency_in_progress")
    assert (told.status, told.body) == (200, {"done": True})
    assert (again.status, again.body, again.is_repeat) == (200, {"done": True}, True)
    assert await effects(api, acme) == 1


async def test_an_answer_that_repeats_were_told_is_not_replaced(
    things: ThingsClient, handlers: Handlers, api: RunningApi, acme: Created
) -> None:
    handlers.later = asyncio.get_running_loop().create_future()
    first = asyncio.create_task(send(things, acme))
    await committed(api, acme)
    await let_pass(api.settings, 11)  # as if the first request's process had died
    early = await send(things, acme)

    handlers.later.set_result(Reply(b'{"done":true}'))
    told, again = await first, await send(things, acme)

    assert (early.status, early.is_repeat) == (201, True)
    assert told.status == 201
    assert (again.status, again.body) == (201, early.body)
    assert (handlers.calls, await effects(api, acme)) == (1, 1)


async def test_a_later_answer_that_fails_leaves_the_first(
    things: ThingsClient, handlers: Handlers, api: RunningApi, acme: Created
) -> None:
    handlers.later = asyncio.get_running_loop().create_future()
    first = asyncio.create_task(send(things, acme))
    await committed(api, acme)

    handlers.later.set_exception(Unavailable("overloaded", "Not now."))
    told, again = await first, await send(things, acme)

    assert told.status == 503
    assert (again.status, again.is_repeat, handlers.calls) == (201, True, 1)
    assert await effects(api, acme) == 1
