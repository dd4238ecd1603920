"""asOf: a read that names a point of the log answers what it answered then."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import requests
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from api.client import Client, assert_problem
from api.photos import red_box
from api.projecting import RunningProjector, running_projector
from api.running import found
from api.server import RunningApi
from domain.ids import JobId, KeyId, OrgId, UserId
from domain.recorded import Actor, Context
from domain.roles import Role
from packshot.commands.organizations import Created
from packshot.edge.limiter import in_own_database
from packshot.wiring import Services, open_services
from services import RunningServices

KEYS, JOBS, MEMBERS, INVITES, ACTIVITY = (
    f"/api/v1/{name}" for name in ("keys", "jobs", "members", "invites", "activity")
)
LISTS = (KEYS, JOBS, MEMBERS, INVITES, ACTIVITY)
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
SMALL = {"width": "64", "height": "64"}
# What is not in the log, and so is not told of the past.
BESIDE_THE_LOG = ("lastUsedAt", "lastUsedAddress", "lastUsedEndpoint")


@pytest.fixture(scope="module")
def projector(api: RunningApi) -> Iterator[RunningProjector]:
    with running_projector(api.settings) as running:
        yield running


@pytest.fixture
def patient(api: RunningApi, acme: Created, projector: RunningProjector) -> Iterator[Client]:
    """A client with the key of Acme, beside a projector."""
    with requests.Session() as session:
        yield Client(api.base_url, session, acme.secret)


def told(answer: requests.Response) -> Any:
    """The answer without what is documented to be missing of the past."""
    assert answer.status_code == 200, answer.text
    return _without(answer.json())


def _without(body: Any) -> Any:
    if isinstance(body, list):
        return [_without(one) for one in body]
    if isinstance(body, dict):
        kept = {name: value for name, value in body.items() if name not in BESIDE_THE_LOG}
        cursor = {"nextCursor": body["nextCursor"] is None} if "nextCursor" in body else {}
        return {name: _without(value) for name, value in kept.items()} | cursor
    return body


def new_key(client: Client, name: str = "Shop") -> requests.Response:
    answer = client.post(KEYS, json={"name": name, "scopes": ["files:read", "keys:read"]})
    assert answer.status_code == 201, answer.text
    return answer


def new_job(client: Client, **fields: str) -> requests.Response:
    wish = SMALL | {"notBefore": TOMORROW} | fields
    answer = client.post(JOBS, files={"image": red_box()}, data=wish)
    assert answer.status_code == 202, answer.text
    return answer


def position(answer: requests.Response) -> int:
    return int(answer.headers["x-log-position"])


class AnyLife(RuleBasedStateMachine):
    """Anything that happens to an organization; each answer is asked for again at the end."""

    api: RunningApi
    redis_url: str

    def __init__(self) -> None:
        super().__init__()
        created = found(self.api.settings, "Any")
        self.org_id = created.org_id
        self.client = Client(self.api.base_url, requests.Session(), created.secret)
        self.keys: list[str] = [str(created.key_id)]
        self.jobs: list[str] = []
        self.people: list[UserId] = []
        self.asked: list[tuple[int, str, dict[str, str], Any]] = []
        self.remember(created.head.position)

    def remember(self, at: int) -> None:
        """Ask everything as it is now, at that position; nobody else writes here."""
        self.fill_buckets()
        singles = [f"{KEYS}/{one}" for one in self.keys[-3:]]
        singles += [f"{JOBS}/{one}" for one in self.jobs[-3:]]
        singles += [f"{JOBS}/{one}/items" for one in self.jobs[-1:]]
        asks: list[tuple[str, dict[str, str]]] = [(path, {}) for path in (*LISTS, *singles)]
        asks += [(path, {"limit": "2"}) for path in (KEYS, JOBS)]
        asks += [(JOBS, {"status": status}) for status in ("queued", "cancelled", "succeeded")]
        asks += [(JOBS, {"sku": "MUG", "limit": "1"}), (ACTIVITY, {"type": "key.renamed"})]
        for path, params in asks:
            answer = self.client.get(path, params=params, headers={"x-min-position": str(at)})
            self.asked.append((at, path, params, told(answer)))

    def done(self, answer: requests.Response) -> None:
        assert answer.status_code < 300, answer.text
        for known, name in ((self.keys, "keyId"), (self.jobs, "jobId")):
            if (one := answer.json().get(name)) is not None and one not in known:
                known.append(one)
        if "x-log-position" in answer.headers:
            self.remember(position(answer))

    @rule(name=st.sampled_from(("Shop", "Größe", "'; --")), expires=st.booleans())
    def create_key(self, name: str, expires: bool) -> None:
        wish: dict[str, Any] = {"name": name, "scopes": ["files:read", "keys:read"]}
        wish |= {} if expires else {"expiresAt": None}
        answer = self.client.post(KEYS, json=wish)
        self.done(answer)

    @precondition(lambda self: len(self.keys) > 1)
    @rule(which=st.integers(1, 9), verb=st.sampled_from(("rename", "rotate", "revoke", "confine")))
    def change_key(self, which: int, verb: str) -> None:
        path = f"{KEYS}/{self.keys[1:][which % (len(self.keys) - 1)]}"
        match verb:
            case "rename":
                answer = self.client.send("PATCH", path, json={"name": f"Named {len(self.asked)}"})
            case "confine":
                cidrs = [f"192.0.2.{which}/32"]
                answer = self.client.send("PATCH", path, json={"allowedCidrs": cidrs})
            case "rotate":
                answer = self.client.post(f"{path}/rotate", json={"graceSeconds": 3600})
            case _:
                answer = self.client.post(f"{path}/revoke", json={"reason": "no longer used"})
        if answer.status_code != 409:  # a key that was revoked is not changed
            self.done(answer)

    @rule(which=st.integers(0, 9))
    def rename_the_first_key(self, which: int) -> None:
        path = f"{KEYS}/{self.keys[0]}"
        self.done(self.client.send("PATCH", path, json={"name": f"First {which}"}))

    @rule(sku=st.sampled_from(("MUG", "LAMP")))
    def ask_for_a_job(self, sku: str) -> None:
        answer = new_job(self.client, sku=sku)
        self.done(answer)

    @rule()
    def ask_for_a_batch(self) -> None:
        items = [{"imageUrl": f"https://example.com/{number}.jpg"} for number in range(3)]
        answer = self.client.post(JOBS, json={"items": items, "notBefore": TOMORROW})
        self.done(answer)

    @rule()
    def process(self) -> None:
        answer = self.client.post("/api/v1/process", files={"image": red_box()}, data=SMALL)
        self.done(answer)

    @precondition(lambda self: self.jobs)
    @rule(which=st.integers(0, 9), verb=st.sampled_from(("cancel", "retry")))
    def change_job(self, which: int, verb: str) -> None:
        answer = self.client.post(f"{JOBS}/{self.jobs[which % len(self.jobs)]}/{verb}")
        if answer.status_code != 409:
            self.done(answer)

    @rule(role=st.sampled_from(("member", "viewer")))
    def invite(self, role: str) -> None:
        self.done(self.client.post(INVITES, json={"role": role}))

    @rule(role=st.sampled_from((Role.ADMIN, Role.MEMBER)))
    def somebody_joins(self, role: Role) -> None:
        user_id, at = joined(self.api, self.org_id, role)
        self.people.append(user_id)
        self.remember(at)

    @precondition(lambda self: self.people)
    @rule(role=st.sampled_from((Role.ADMIN, Role.VIEWER, None)))
    def somebody_is_decided_about(self, role: Role | None) -> None:
        user_id = self.people[-1]
        if role is None:
            self.people.pop()
        self.remember(decided(self.api, self.org_id, user_id, role))

    def fill_buckets(self) -> None:
        """Leave the rate limits out of what happens."""
        with redis.Redis.from_url(in_own_database(self.redis_url)) as valkey:
            valkey.flushdb()

    def teardown(self) -> None:
        self.fill_buckets()
        for at, path, params, before in self.asked:
            answer = self.client.get(path, params=params | {"asOf": str(at)})
            assert told(answer) == before, (at, path, params)
            assert answer.headers["x-as-of-position"] == str(at)
        self.client.session.close()


def test_every_answer_is_given_again_as_of_its_position(
    api: RunningApi, projector: RunningProjector, servers: RunningServices
) -> None:
    AnyLife.api, AnyLife.redis_url = api, servers.redis_url
    run_state_machine_as_test(  # type: ignore[no-untyped-call] # hypothesis leaves it untyped
        AnyLife,
        settings=settings(
            max_examples=3,
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def joined(api: RunningApi, org_id: OrgId, role: Role) -> tuple[UserId, int]:
    """Somebody new in the organization, and the log's position then."""

    async def join(services: Services) -> tuple[UserId, int]:
        invited = await services.people.invite(_by_test(org_id), role)
        address = f"{UserId.new()}@example.com"
        one = await services.people.join(
            invited.secret, email=address, name="Mara", password="a long password"
        )
        return one.user_id, (await services.trail.head(org_id)).position

    return _with_services(api, join)


def decided(api: RunningApi, org_id: OrgId, user_id: UserId, role: Role | None) -> int:
    """Give somebody a role, None to remove them; returns the log's position then."""

    async def decide(services: Services) -> int:
        if role is None:
            await services.members.remove(_by_test(org_id), user_id)
        else:
            await services.members.change_role(_by_test(org_id), user_id, role)
        return (await services.trail.head(org_id)).position

    return _with_services(api, decide)


def _by_test(org_id: OrgId) -> Context:
    return Context(org_id, Actor("system", "test"), "test", correlation_id="test")


def _with_services(api: RunningApi, work: Any) -> Any:
    async def run() -> Any:
        async with open_services(api.settings, render=False) as services:
            return await work(services)

    return asyncio.run(run())


def test_a_time_answers_as_the_position_it_lies_at(patient: Client) -> None:
    first = new_key(patient, "Before")
    at = patient.get(ACTIVITY, headers={"x-min-position": first.headers["x-log-position"]})
    moment = at.json()["data"][0]["at"]
    patient.send("PATCH", f"{KEYS}/{first.json()['keyId']}", json={"name": "After"})

    then = patient.get(KEYS, params={"asOf": moment})
    same = patient.get(KEYS, params={"asOf": first.headers["x-log-position"]})
    now = patient.get(KEYS, params={"asOf": datetime.now(UTC).isoformat()})

    assert then.headers["x-as-of-position"] == first.headers["x-log-position"]
    assert then.json() == same.json()
    assert then.json()["data"][0]["name"] == "Before"
    assert now.json()["data"][0]["name"] == "After"


def test_before_the_first_event_lists_are_empty_and_nothing_is_found(
    patient: Client, acme: Created
) -> None:
    job = new_job(patient).json()["jobId"]
    empty = {"from": 0, "to": 0, "total": 0, "nextCursor": None}
    for as_of in ("0", "1999-12-31T00:00:00Z"):
        for path in LISTS:
            answer = patient.get(path, params={"asOf": as_of})
            assert (answer.json(), answer.headers["x-as-of-position"]) == (
                {"data": [], "page": empty},
                "0",
            )
        for path in (f"{KEYS}/{acme.key_id}", f"{JOBS}/{job}", f"{JOBS}/{job}/items"):
            assert_problem(patient.get(path, params={"asOf": as_of}), 404, "not_found")


def test_what_was_not_there_yet_is_not_found(patient: Client, acme: Created) -> None:
    job, key = new_job(patient), new_key(patient)
    for path, answer in (
        (f"{JOBS}/{job.json()['jobId']}", job),
        (f"{KEYS}/{key.json()['keyId']}", key),
    ):
        began = position(answer)
        missing = JobId.new() if path.startswith(JOBS) else KeyId.new()
        there = patient.get(path, params={"asOf": str(began)})
        problem = assert_problem(
            patient.get(path, params={"asOf": str(acme.head.position)}), 404, "not_found"
        )
        unknown = assert_problem(
            patient.get(f"{path.rpartition('/')[0]}/{missing}", params={"asOf": str(began)}),
            404,
            "not_found",
        )
        assert there.status_code == 200
        assert {**problem, "requestId": None} == {**unknown, "requestId": None}


@pytest.mark.parametrize(
    "as_of",
    [
        "yesterday",
        "",
        "-1",
        "1.5",
        "2026-11-22",
        "2026-11-22T10:00:00",
        "9" * 19,
        "٣",
        "1969-01-01T00:00:00Z",
    ],
)
def test_what_is_neither_a_time_nor_a_position_is_refused(client: Client, as_of: str) -> None:
    for path in LISTS:
        problem = assert_problem(client.get(path, params={"asOf": as_of}), 422, "invalid_parameter")
        assert problem["param"] == "asOf"
        assert problem["fix"]


def test_what_lies_ahead_is_refused_with_how_far_the_log_has_come(
    client: Client, acme: Created
) -> None:
    fast_clock = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ahead = str(acme.head.position + 1)
    for as_of, said in ((fast_clock, "the time here is 20"), (ahead, "the log has come to ")):
        answer = client.get(KEYS, params={"asOf": as_of})
        problem = assert_problem(answer, 422, "invalid_parameter")
        assert (problem["param"], said in problem["detail"]) == ("asOf", True)


def test_pages_follow_each_other_at_one_position_while_more_is_written(patient: Client) -> None:
    keys = [new_key(patient, f"Key {number}") for number in range(4)]
    at = keys[-1].headers["x-log-position"]
    expected = [key["keyId"] for key in patient.get(KEYS).json()["data"]]
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        params = {"asOf": at, "limit": "2", "cursor": cursor}
        answer = patient.get(KEYS, params=params).json()
        seen += [key["keyId"] for key in answer["data"]]
        assert answer["page"]["total"] == 5
        cursor = answer["page"]["nextCursor"]
        new_key(patient, "Later")

    assert seen == expected


def test_a_cursor_belongs_to_its_position(patient: Client) -> None:
    new_key(patient)
    at = position(new_key(patient))
    then = patient.get(KEYS, params={"asOf": str(at), "limit": "1"}).json()["page"]["nextCursor"]
    today = patient.get(KEYS, params={"limit": "1"}).json()["page"]["nextCursor"]
    now = datetime.now(UTC).isoformat()

    followed = patient.get(KEYS, params={"asOf": now, "cursor": then})
    assert (followed.status_code, followed.headers["x-as-of-position"]) == (200, str(at))
    for params in (
        {"cursor": then},
        {"asOf": str(at - 1), "cursor": then},
        {"asOf": "2000-01-01T00:00:00Z", "cursor": then},
        {"asOf": str(at), "cursor": today},
    ):
        problem = assert_problem(patient.get(KEYS, params=params), 422, "invalid_parameter")
        assert problem["param"] == "cursor"


def test_the_past_stays_as_it_was_while_others_write(patient: Client) -> None:
    job = new_job(patient).json()["jobId"]
    at = position(new_key(patient, "Then"))
    reads = [(path, {"asOf": str(at)}) for path in (*LISTS, f"{JOBS}/{job}")]
    before = [patient.get(path, params=params).json() for path, params in reads]

    def write(number: int) -> None:
        with requests.Session() as session:
            writer = Client(patient.base_url, session, patient.key)
            new_key(writer, f"Later {number}")
            new_job(writer)

    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write, number) for number in range(8)]
        patient.post(f"{JOBS}/{job}/cancel")
        meanwhile = [patient.get(path, params=params).json() for path, params in reads]
        for written in writing:
            written.result()

    assert meanwhile == before
    assert [patient.get(path, params=params).json() for path, params in reads] == before


def test_another_organizations_past_is_as_closed_as_its_present(
    patient: Client, globex: Created
) -> None:
    job, key = new_job(patient).json()["jobId"], new_key(patient).json()["keyId"]
    for _ in range(3):
        new_key(patient.with_key(globex.secret))
    at = position(new_job(patient.with_key(globex.secret)))
    stranger = patient.with_key(globex.secret)

    for path in (f"{JOBS}/{job}", f"{JOBS}/{job}/items", f"{KEYS}/{key}"):
        assert_problem(stranger.get(path, params={"asOf": str(at)}), 404, "not_found")
    for path in LISTS:
        assert job not in stranger.get(path, params={"asOf": str(at)}).text
        assert key not in stranger.get(path, params={"asOf": str(at)}).text


def test_the_past_is_not_waited_for(client: Client) -> None:
    job = new_job(client)
    params = {"asOf": job.headers["x-log-position"], "wait": "5"}

    answer = client.get(f"{JOBS}/{job.json()['jobId']}", params=params)

    assert assert_problem(answer, 422, "invalid_parameter")["param"] == "wait"


@pytest.mark.parametrize("path", [*LISTS, "/api/v1/catalog/items", "/api/v1/publishes"])
def test_a_position_that_never_comes_is_waited_for_and_answered_503(
    client: Client, path: str
) -> None:
    answer = client.get(path, headers={"x-min-position": "999999"})

    assert_problem(answer, 503, "not_yet_visible")
    assert answer.headers["retry-after"] == "1"
    assert answer.elapsed >= timedelta(seconds=1.5)


def test_every_read_that_takes_as_of_is_documented(client: Client) -> None:
    document = client.get("/api/v1/openapi").json()
    taking = set()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            names = [one["name"] for one in operation.get("parameters", [])]
            headers = operation["responses"].get("200", {}).get("headers", {})
            if "x-as-of-position" in headers:
                assert "asOf" in names
                taking.add(path)

    single = {f"{KEYS}/{{keyId}}", f"{JOBS}/{{jobId}}", f"{JOBS}/{{jobId}}/items"}
    assert taking >= {*LISTS, *single}
