"""GET /api/v1/limits: every bucket of the key, places, and what a picture may have."""

import time

from api.client import Client, assert_problem
from packshot.commands.organizations import Created
from packshot.config import MIB

PATH = "/api/v1/limits"


def test_a_key_is_told_all_of_its_limits(client: Client) -> None:
    began = int(time.time())

    answer = client.get(PATH)

    told = answer.json()
    reset = told["buckets"][0].pop("reset")
    assert began <= reset <= time.time() + 2
    assert told == {
        "buckets": [
            {"policy": "organization", "limit": 1000, "windowSeconds": 10, "remaining": 999}
        ],
        "concurrency": {"limit": 64, "running": 0},
        "upload": {"maxBytes": 50 * MIB},
        "pixels": {
            "maxPixels": 100_000_000,
            "maxSide": 30_000,
            "maxAnsweredAtOnce": 24_000_000,
            "maxResultPixels": 100_000_000,
        },
        "degraded": False,
    }


def test_a_key_with_a_limit_of_its_own_is_told_both_and_the_tighter_first(client: Client) -> None:
    narrow = client.post(
        "/api/v1/keys",
        json={
            "name": "Narrow",
            "scopes": ["jobs:read"],
            "rateLimit": {"limit": 3, "windowSeconds": 3000},
        },
    ).json()["secret"]

    answers = [client.with_key(narrow).get(PATH) for _ in range(4)]

    first = answers[0].json()["buckets"]
    assert [(b["policy"], b["limit"], b["remaining"]) for b in first] == [
        ("key", 3, 2),
        ("organization", 1000, 999),
    ]
    assert first[0]["windowSeconds"] == 3000
    assert answers[0].headers["x-ratelimit-limit"] == "3"
    assert answers[0].headers["ratelimit-policy"] == '"key";q=3;w=3000, "organization";q=1000;w=10'
    assert answers[0].headers["ratelimit"].startswith('"key";r=2;t=')
    assert_problem(answers[3], 429, "rate_limited")


def test_the_limits_of_another_organization_are_not_told(client: Client, globex: Created) -> None:
    for _ in range(30):
        client.get(PATH)

    of_globex = client.with_key(globex.secret).get(PATH).json()

    assert of_globex["buckets"][0]["remaining"] == 999


def test_a_key_is_needed(client: Client) -> None:
    assert_problem(client.without_key().get(PATH), 401, "key_missing")
