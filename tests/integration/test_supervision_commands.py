"""`packshot org suspend` and its like: told apart from any person, and refused in one sentence."""

import json
import os
import subprocess
import sys

import pytest
import requests

from api.server import ROOT, RunningApi, environment_of
from domain.ids import OrgId
from packshot.commands.organizations import Created

WHO = "/api/v1/org"


def packshot(api: RunningApi, *words: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | environment_of(api.settings)
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    command = [sys.executable, "-P", "-m", "packshot", "org", *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def said(api: RunningApi, *words: str) -> str:
    done = packshot(api, *words, "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["status"])


@pytest.fixture(autouse=True)
def own_home(tmp_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heads that a command keeps are this test's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_an_organization_is_suspended_limited_resumed_closed_and_reopened(
    api: RunningApi, acme: Created
) -> None:
    org_id = str(acme.org_id)

    def answer() -> requests.Response:
        key = {"x-api-key": acme.secret}
        return requests.get(api.base_url + WHO, headers=key, timeout=20)

    assert said(api, "suspend", org_id, "--reason", "Unpaid since May.") == "suspended"
    assert answer().json()["code"] == "org_suspended"
    assert "Unpaid since May." in answer().json()["detail"]
    assert said(api, "resume", org_id) == "active"
    assert said(api, "limit", org_id, "--at-once", "2", "--monthly-pictures", "0") == "active"
    assert answer().json()["limits"] == {
        "burst": 1000, "perMinute": 6000, "atOnce": 2, "monthlyPictures": 0,
    }  # fmt: skip
    assert said(api, "close", org_id) == "closed"
    assert said(api, "reopen", org_id) == "active"


def test_what_cannot_be_done_is_refused_in_a_sentence(api: RunningApi, acme: Created) -> None:
    ends = [
        packshot(api, "resume", str(acme.org_id)),
        packshot(api, "suspend", str(acme.org_id), "--reason", " "),
        packshot(api, "limit", str(acme.org_id), "--burst", "0"),
        packshot(api, "close", str(OrgId.new())),
        packshot(api, "reopen", "nonsense"),
    ]

    assert {end.returncode for end in ends} == {1}
    sentences = ["is not suspended", "A reason has", "burst is from 1", "no such org", "not an org"]
    assert [one in end.stderr for one, end in zip(sentences, ends, strict=True)] == [True] * 5
    assert not any("Traceback" in end.stderr for end in ends)
