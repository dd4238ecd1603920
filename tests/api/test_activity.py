"""GET /api/v1/activity: the feed, read after it was followed, and waited for where it was not."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.client import Client, assert_problem
from api.photos import red_box
from api.projecting import RunningProjector, running_projector
from api.server import RunningApi
from packshot.commands.organizations import Created

PATH = "/api/v1/activity"


@pytest.fixture(scope="module")
def projector(api: RunningApi) -> Iterator[RunningProjector]:
    """A projector beside the API, as a process of its own."""
    with running_projector(api.settings) as running:
        yield running


def processed(client: Client) -> int:
    """Process a picture and return the position of its last event."""
    answer = client.post(
        "/api/v1/process", files={"image": red_box()}, data={"width": "64", "height": "64"}
    )
    assert answer.status_code == 200, answer.text
    return int(answer.headers["x-log-position"])


def feed(client: Client, position: int, **params: Any) -> dict[str, Any]:
    """The feed once it has come to that position."""
    answer = client.get(PATH, params=params, headers={"x-min-position": str(position)})
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def test_what_was_just_written_is_read_at_once_by_whoever_asks_for_it(
    projector: RunningProjector, client: Client, acme: Created
) -> None:
    position = processed(client)

    entries = feed(client, position)["data"]

    assert [entry["position"] for entry in entries] == list(range(position, 0, -1))
    assert entries[0] == {
        "eventId": entries[0]["eventId"],
        "position": position,
        "at": entries[0]["at"],
        "type": "job.succeeded",
        "actor": {"type": "key", "id": str(acme.key_id), "name": "First key"},
        "subject": {"type": "job", "id": entries[0]["subject"]["id"]},
        "sentence": "The job succeeded.",
        "requestId": entries[0]["requestId"],
    }
    assert entries[0]["eventId"].startswith("evt_")
    assert entries[0]["subject"]["id"].startswith("job_")
    assert entries[0]["at"].endswith("Z")


def test_the_beginning_of_an_organization_is_told_in_its_words(
    projector: RunningProjector, client: Client, acme: Created
) -> None:
    *_, issued, founded = feed(client, acme.head.position)["data"]

    assert founded["sentence"] == "The organization “Acme” was founded."
    assert founded["subject"] == {"type": "organization", "id": str(acme.org_id)}
    assert founded["actor"] == {"type": "system", "id": "test", "name": None}
    assert (issued["type"], issued["subject"]["id"]) == ("key.created", str(acme.key_id))
    assert issued["sentence"] == "The API key “First key” was created."


def test_the_request_of_an_entry_is_the_one_that_was_answered(
    projector: RunningProjector, client: Client
) -> None:
    answer = client.post(
        "/api/v1/process", files={"image": red_box()}, data={"width": "64", "height": "64"}
    )
    position = int(answer.headers["x-log-position"])

    newest = feed(client, position)["data"][0]

    assert newest["requestId"] == answer.headers["x-request-id"]


def test_pages_follow_each_other_and_count_everything(
    projector: RunningProjector, client: Client
) -> None:
    position = processed(client)
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        answer = feed(client, position, limit="2", cursor=cursor)
        page = answer["page"]
        seen += [entry["position"] for entry in answer["data"]]
        assert (page["to"], page["total"]) == (len(seen), position)
        cursor = page["nextCursor"]

    assert seen == list(range(position, 0, -1))


def test_a_filtered_feed_counts_what_it_shows(
    projector: RunningProjector, client: Client, acme: Created
) -> None:
    position = max(processed(client), processed(client))

    by_type = feed(client, position, type="key.created")
    by_actor = feed(client, position, actor=str(acme.key_id), limit="1")
    by_both = feed(client, position, type="key.created", actor=str(acme.key_id))

    assert [entry["type"] for entry in by_type["data"]] == ["key.created"]
    assert by_type["page"] == {"from": 1, "to": 1, "total": 1, "nextCursor": None}
    assert by_actor["page"]["total"] == position - acme.head.position
    assert by_both["page"] == {"from": 0, "to": 0, "total": 0, "nextCursor": None}


def test_another_organization_sees_its_own_feed_and_nothing_else(
    projector: RunningProjector, client: Client, acme: Created, globex: Created
) -> None:
    feed(client, processed(client))
    stranger = client.with_key(globex.secret)

    entries = feed(stranger, globex.head.position)["data"]
    stolen = feed(stranger, globex.head.position, actor=str(acme.key_id))

    subjects = [entry["subject"] for entry in entries]
    assert [subject["type"] for subject in subjects] == ["invite", "key", "organization"]
    assert [subject["id"] for subject in subjects[1:]] == [str(globex.key_id), str(globex.org_id)]
    assert stolen["data"] == []


def test_a_view_that_lags_answers_503_not_yet_visible(client: Client) -> None:
    """Nobody follows here: the position may be any that the view has not come to."""
    answer = client.get(PATH, headers={"x-min-position": "999999"})

    problem = assert_problem(answer, 503, "not_yet_visible")
    assert "999999" in problem["detail"]
    assert answer.headers["retry-after"] == "1"


def test_a_view_that_is_right_at_once_waits_for_the_log_itself(
    client: Client, acme: Created
) -> None:
    held = client.get("/api/v1/whoami", headers={"x-min-position": str(acme.head.position)})
    beyond = client.get("/api/v1/whoami", headers={"x-min-position": "999999"})

    assert held.status_code == 200
    assert_problem(beyond, 503, "not_yet_visible")


@pytest.mark.parametrize("position", ["-1", "x", "1.5", "", "9" * 19, "٣"])
def test_what_is_no_position_is_refused(client: Client, position: str) -> None:
    answer = client.get(PATH, headers={"x-min-position": position.encode()})

    problem = assert_problem(answer, 422, "invalid_parameter")
    assert problem["param"] == "x-min-position"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"limit": "0"}, "limit_out_of_range"),
        ({"limit": "many"}, "invalid_parameter"),
        ({"cursor": "nonsense"}, "invalid_parameter"),
        ({"cursor": "WyJqb2JfeCIsMjBd"}, "invalid_parameter"),
        ({"types": "job.succeeded"}, "unknown_field"),
        ({"type": "job\x00"}, "invalid_parameter"),
    ],
)
def test_a_wrong_question_is_refused(client: Client, params: dict[str, str], code: str) -> None:
    assert_problem(client.get(PATH, params=params), 422, code)


def test_a_key_is_needed(client: Client) -> None:
    assert_problem(client.without_key().get(PATH), 401, "key_missing")
