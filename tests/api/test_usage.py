"""GET /api/v1/usage: what was asked for over HTTP, summed from the log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from api.client import Client, assert_problem
from api.photos import red_box
from api.projecting import RunningProjector, running_projector
from api.server import RunningApi
from packshot.commands.organizations import Created

PATH = "/api/v1/usage"
NOTHING = {
    "jobs": 0, "outputs": 0, "cached": 0, "failed": 0, "outputBytes": 0, "publishes": 0,
    "published": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def projector(api: RunningApi) -> Iterator[RunningProjector]:
    """A projector beside the API, as a process of its own."""
    with running_projector(api.settings) as running:
        yield running


def usage(client: Client, position: int, **params: str) -> dict[str, Any]:
    """The usage once it has come to that position."""
    answer = client.get(PATH, params=params, headers={"x-min-position": str(position)})
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def test_what_was_made_is_told_by_day_key_operation_and_endpoint(
    projector: RunningProjector, client: Client, acme: Created
) -> None:
    photo, data = red_box(), {"width": "64", "height": "64"}
    answers = [client.post("/api/v1/process", files={"image": photo}, data=data) for _ in range(2)]
    position = int(answers[-1].headers["x-log-position"])
    counted = {
        **NOTHING,
        "jobs": 2,
        "outputs": 1,
        "cached": 1,
        "outputBytes": answers[0].json()["output"]["bytes"],
    }
    day = datetime.now(UTC).date().isoformat()

    told = {
        group_by: usage(client, position, groupBy=group_by)
        for group_by in ("day", "key", "operation", "endpoint")
    }

    assert {group_by: answer["data"] for group_by, answer in told.items()} == {
        "day": [{"group": day, "name": None, **counted}],
        "key": [{"group": str(acme.key_id), "name": "First key", **counted}],
        "operation": [{"group": "process", "name": None, **counted}],
        "endpoint": [{"group": "/api/v1/process", "name": None, **counted}],
    }
    assert all(answer["total"] == counted for answer in told.values())
    assert (told["key"]["groupBy"], told["key"]["until"]) == ("key", day)


def test_another_organization_is_told_nothing_of_it(
    projector: RunningProjector, client: Client, globex: Created
) -> None:
    made = client.post("/api/v1/process", files={"image": red_box()}, data={"width": "64"})
    assert made.status_code == 200

    told = usage(client.with_key(globex.secret), globex.head.position)

    assert (told["data"], told["total"]) == ([], NOTHING)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"groupBy": "week"}, "groupBy"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "since"),
        ({"since": "2020-01-01", "until": "2026-02-01"}, "since"),
    ],
)
def test_a_wrong_question_is_refused(client: Client, params: dict[str, str], param: str) -> None:
    problem = assert_problem(client.get(PATH, params=params), 422, "invalid_parameter")

    assert problem["param"] == param
    assert problem["fix"]


def test_the_scope_is_asked_for(client: Client) -> None:
    answer = client.post("/api/v1/keys", json={"name": "Blind", "scopes": ["jobs:read"]})
    blind = client.with_key(answer.json()["secret"])

    refused = blind.get(PATH)

    assert_problem(refused, 403, "scope_missing")
    assert refused.headers["x-accepted-scopes"] == "usage:read"
