"""/api/v1/audit: an outsider gets the log and its proof, and the API recomputes the chain."""

import csv
import io
import time
from collections.abc import Callable
from typing import Any

import pytest

from api.client import Client, assert_problem
from api.projecting import running_projector
from api.server import RunningApi
from exports import PUBLIC_KEY, verdict_on
from packshot.commands.organizations import Created
from packshot.store.head import SignedHead, read_public_key
from packshot.store.notes import is_signed_note

EXPORT = "/api/v1/audit/export"
VERIFY = "/api/v1/audit/verify"
CHECKPOINTS = "/api/v1/audit/checkpoints"


def written(client: Client) -> str:
    """Write something and return the head that the answer told."""
    answer = client.post("/api/v1/org/webhook-secret/rotate")
    assert answer.status_code == 200, answer.text
    return answer.headers["x-log-head"]


@pytest.mark.parametrize(
    ("form", "media_type"), [("ndjson", "application/x-ndjson"), ("csv", "text/csv; charset=utf-8")]
)
def test_the_log_is_exported_whole_and_proves_itself(
    client: Client, acme: Created, form: str, media_type: str
) -> None:
    head = written(client)

    answer = client.get(EXPORT, params={"format": form})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    name = f"packshot-log-{acme.org_id}-0-{head.split('.')[0]}.{form}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-log-head"] == head
    assert answer.headers["cache-control"] == "private, no-store"
    assert int(answer.headers["x-ratelimit-remaining"]) >= 0
    verdict = verdict_on(answer.content)
    assert (verdict.valid, verdict.org_id, verdict.head) == (True, acme.org_id, head)


def test_a_part_is_exported_by_positions(client: Client) -> None:
    position = int(written(client).split(".")[0])

    answer = client.get(EXPORT, params={"after": position - 1, "until": position})

    verdict = verdict_on(answer.content)
    assert (verdict.valid, verdict.after, verdict.events) == (True, position - 1, 1)


def test_only_the_head_of_an_export_may_be_asked_for(client: Client) -> None:
    head = written(client)

    answer = client.send("HEAD", EXPORT)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-log-head"] == head


def test_another_organization_gets_its_own_log_and_nothing_else(
    client: Client, acme: Created, globex: Created
) -> None:
    written(client)

    answer = client.with_key(globex.secret).get(EXPORT)

    assert verdict_on(answer.content).org_id == globex.org_id
    assert str(acme.org_id) not in answer.text
    assert str(acme.key_id) not in answer.text


def test_the_log_verifies_and_tells_its_head(client: Client) -> None:
    head = written(client)

    answers = [
        client.post(VERIFY),
        client.post(VERIFY, json={}),
        client.post(VERIFY, json={"head": head}),
    ]

    for answer in answers:
        assert answer.json() == {
            "valid": True,
            "events": int(head.split(".")[0]),
            "head": head,
            "firstBad": None,
        }


def test_a_head_kept_long_ago_still_holds(client: Client) -> None:
    kept = written(client)
    written(client)

    assert client.post(VERIFY, json={"head": kept}).json()["valid"] is True


def test_a_head_that_was_never_signed_here_bears_witness_to_nothing(
    client: Client, globex: Created
) -> None:
    theirs = written(client.with_key(globex.secret))

    problem = assert_problem(client.post(VERIFY, json={"head": theirs}), 422, "invalid_parameter")

    assert problem["param"] == "head"


@pytest.mark.parametrize("head", ["", "1", "1.2.3", "1." + "0" * 64 + "." + "A" * 85, "x" * 200, 7])
def test_what_is_no_head_is_refused(client: Client, head: Any) -> None:
    problem = assert_problem(client.post(VERIFY, json={"head": head}), 422, "invalid_parameter")

    assert problem["param"] == "head"


def test_a_verification_may_be_repeated_by_its_key(client: Client) -> None:
    repeated = [client.post(VERIFY, headers={"idempotency-key": "audit-1"}) for _ in range(2)]

    assert repeated[0].content == repeated[1].content
    assert repeated[1].headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"format": "xml"}, "invalid_parameter"),
        ({"after": "-1"}, "after_out_of_range"),
        ({"after": "1000000"}, "after_out_of_range"),
        ({"until": "1000000"}, "until_out_of_range"),
        ({"until": "0"}, "until_out_of_range"),
        ({"after": "2", "until": "1"}, "until_out_of_range"),
        ({"type": "job.succeeded"}, "unknown_field"),
    ],
)
def test_a_wrong_question_is_refused(client: Client, params: dict[str, str], code: str) -> None:
    assert_problem(client.get(EXPORT, params=params), 422, code)


def test_a_key_without_the_scope_reads_nothing(client: Client) -> None:
    made = client.post("/api/v1/keys", json={"name": "Shop", "scopeSet": "process only"})
    stranger = client.with_key(made.json()["secret"])

    for answer in (stranger.get(EXPORT), stranger.post(VERIFY)):
        assert_problem(answer, 403, "scope_missing")
        assert answer.headers["x-accepted-scopes"] == "audit:read"
    assert_problem(client.without_key().get(EXPORT), 401, "key_missing")


def test_the_public_key_is_told_to_everybody_and_verifies_heads(
    client: Client, acme: Created
) -> None:
    head = SignedHead.parse(written(client))

    told = client.without_key().get("/api/v1/audit/public-key")

    key = read_public_key(told.content)
    assert told.json()["algorithm"] == "Ed25519"
    assert key.public_bytes_raw() == PUBLIC_KEY.public_bytes_raw()
    assert read_public_key(told.json()["pem"].encode()).public_bytes_raw() == key.public_bytes_raw()
    assert head.is_signed_by(key, acme.org_id)


def test_checkpoints_are_listed_newest_first(
    api: RunningApi, client: Client, acme: Created
) -> None:
    head = written(client)
    with running_projector(api.settings):
        assert_eventually(lambda: client.get(CHECKPOINTS).json()["page"]["total"] == 1)

    answer = client.get(CHECKPOINTS).json()

    [made] = answer["data"]
    assert answer["page"] == {"from": 1, "to": 1, "total": 1, "nextCursor": None}
    assert f"{made['position']}.{made['hash']}" == head.rpartition(".")[0]
    assert made["head"] == head
    assert is_signed_note(made["note"], PUBLIC_KEY)
    assert made["note"].startswith(f"packshot/log/{acme.org_id}\n")
    assert client.post(VERIFY, json={"head": made["head"]}).json()["valid"] is True


def assert_eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_spreadsheet_finds_columns_and_rows(client: Client) -> None:
    answer = client.get(EXPORT, params={"format": "csv"})

    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["record"] for row in rows[:2]] == ["begin", "event"]
    assert rows[-1]["record"] == "end"
    assert rows[1]["type"] == "organization.created.v1"
